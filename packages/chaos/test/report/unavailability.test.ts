import { expect, test } from 'vitest';
import { modelOf } from '../../src/report/model.ts';
import { unavailabilityOf } from '../../src/report/unavailability.ts';
import { asLines, GOOD, shortRun } from '../support/history.ts';

test('each kind of fault has one row, the worst median first', async () => {
  const model = await modelOf(asLines(shortRun()), GOOD);
  const fault = { sentence: '', nodes: [], fromUs: 0, toUs: 1 };
  const rows = unavailabilityOf({
    ...model,
    faults: [
      { id: 1, kind: 'stop-leader', ...fault },
      { id: 2, kind: 'crash-all', ...fault },
      { id: 3, kind: 'crash-all', ...fault },
    ],
    gaps: [
      { faultId: 1, client: 'a', gapMs: 10 },
      { faultId: 2, client: 'a', gapMs: 100 },
      { faultId: 2, client: 'b', gapMs: 200 },
      { faultId: 3, client: 'a', gapMs: 900 },
    ],
  });
  expect(rows).toEqual([
    { kind: 'crash-all', faults: 2, medianMs: 200, p99Ms: 900, maxMs: 900, allMs: [100, 200, 900] },
    { kind: 'stop-leader', faults: 1, medianMs: 10, p99Ms: 10, maxMs: 10, allMs: [10] },
  ]);
});
