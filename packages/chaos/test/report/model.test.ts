import { expect, test } from 'vitest';
import { modelOf, quantile } from '../../src/report/model.ts';
import { asLines, GOOD, RUN, shortRun } from '../support/history.ts';

test('the model has the numbers of the run', async () => {
  const model = await modelOf(asLines(shortRun()), GOOD);
  expect(model).toMatchObject({ run: RUN, durationUs: 3_000_000, isComplete: true, verdict: GOOD });
  expect(model.totals).toEqual([
    { client: 'writer-1', sent: 5, acknowledged: 4, failed: 0, unknown: 1, read: 0 },
    { client: 'reader-1', sent: 0, acknowledged: 0, failed: 0, unknown: 0, read: 1 },
  ]);
  expect(model.faults).toMatchObject([{ id: 1, kind: 'crash-leader', fromUs: 1_000_000, toUs: 1_500_000 }]);
  expect(model.samples).toHaveLength(1);
});

test('the gap of a fault is the longest time between two acknowledgements from its beginning on', async () => {
  const { gaps } = await modelOf(asLines(shortRun()), GOOD);
  expect(gaps).toEqual([{ faultId: 1, client: 'writer-1', gapMs: 800 }]);
});

test('the series have one value for each second', async () => {
  const { series } = await modelOf(asLines(shortRun()), GOOD);
  expect(series).toEqual({
    stepUs: 1_000_000,
    acknowledged: { 'writer-1': [2, 2, 0] },
    latencyMedianMs: [10, 20, null],
    latencyP99Ms: [10, 800, null],
    failed: [0, 0, 1],
  });
});

test('a run that was killed has no end: its last operation gives its length', async () => {
  const model = await modelOf(asLines(shortRun().slice(0, -1)), GOOD);
  expect([model.isComplete, model.durationUs]).toEqual([false, 2_300_000]);
});

test('nearest-rank quantiles', () => {
  expect(quantile([], 0.5)).toBeNull();
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([3, 1, 2], 0.99)).toBe(3);
  expect(quantile([3, 1, 2], 0)).toBe(1);
});
