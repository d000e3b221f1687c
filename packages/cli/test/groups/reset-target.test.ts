import { expect, test } from 'vitest';
import { datetimeMs, durationMs, resetTarget } from '../../src/groups/reset-target.ts';

test.each([
  ['PT1H30M', 5_400_000],
  ['P1D', 86_400_000],
  ['P1DT0.5S', 86_400_500],
  ['90m', 5_400_000],
  ['1d2h', 93_600_000],
  ['30s', 30_000],
])('the duration %s', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

test.each(['', 'P', 'PT', '90', '1w', 'm'])("'%s' is no duration", (text) => {
  expect(() => durationMs(text)).toThrow(`invalid duration '${text}'`);
});

test('a time without a zone is UTC', () => {
  const ms = Date.UTC(2026, 6, 31, 9, 30);
  expect(datetimeMs('2026-07-31T09:30:00')).toBe(ms);
  expect(datetimeMs('2026-07-31T09:30')).toBe(ms);
  expect(datetimeMs('2026-07-31T11:30:00.000+02:00')).toBe(ms);
  expect(datetimeMs('2026-07-31')).toBe(Date.UTC(2026, 6, 31));
  expect(() => datetimeMs('31.7.2026')).toThrow("invalid date and time '31.7.2026'");
});

test.each(['2026-02-31', '2026-02-29T00:00:00Z', '2026-04-31T10:00'])('%s is no date', (text) => {
  expect(() => datetimeMs(text)).toThrow(`invalid date and time '${text}'`);
});

test('a leap day in a zone east of UTC may be the day before in UTC', () => {
  expect(datetimeMs('2028-02-29T01:00:00+02:00')).toBe(Date.UTC(2028, 1, 28, 23));
});

test('a time before 1970 is refused, because a negative timestamp means an end of the log', () => {
  expect(() => resetTarget({ toDatetime: '1969-12-31T23:59:59.999' }, 0)).toThrow('before 1970');
  expect(() => resetTarget({ byDuration: '1h' }, 1_000)).toThrow('before 1970');
});

test('`--by-duration` names a time before now, and a shift may be negative', () => {
  expect(resetTarget({ byDuration: '1h' }, 10_000_000)).toEqual({ kind: 'time', timestampMs: 6_400_000 });
  expect(resetTarget({ shiftBy: -3 }, 0)).toEqual({ kind: 'shift', offset: -3 });
});
