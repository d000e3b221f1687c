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

test('a target in time counts from now', () => {
  expect(resetTarget({ byDuration: '1h' }, 10_000_000)).toEqual({ kind: 'time', timestampMs: 6_400_000 });
  expect(resetTarget({ shiftBy: -3 }, 0)).toEqual({ kind: 'shift', offset: -3 });
});
