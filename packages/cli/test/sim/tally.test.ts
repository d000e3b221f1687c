/** Goal: the sums over many runs do not depend on the order in which the runs end. */
import type { RunSummary } from '@millrace/sim';
import { expect, test } from 'vitest';
import { Tally } from '../../src/sim/tally.ts';

function summary(seed: number, checker: string | null): RunSummary {
  const verdict = checker === null ? 'passed' : 'violated';
  const sentence = checker === null ? null : `${checker} of ${seed}`;
  const some = { virtualSeconds: 1800, events: 10, faults: [], counts: { 'fault crash': 2 } };
  return { seed, hash: `h${seed}`, verdict, checker, sentence, ...some };
}

const outcomes = [
  { seed: 1, summary: summary(1, null) },
  { seed: 2, summary: summary(2, 'lost-write') },
  { seed: 3, crash: 'its process ended with SIGSEGV' },
  { seed: 4, summary: summary(4, 'liveness') },
  { seed: 5, summary: summary(5, 'lost-write') },
];

test.each([
  ['in order', outcomes],
  ['backwards', outcomes.toReversed()],
])('sums up %s', (_name, ended) => {
  let nowMs = 0;
  const tally = new Tally(() => nowMs);
  for (const outcome of ended) tally.add(outcome);
  nowMs = 2_000;
  expect(tally.progress(10)).toBe('5 of 10 runs, 4 failed, 2.5 runs/s, 3600 x real time');
  expect(tally.text().split('\n')).toEqual([
    '5 runs, 2.00 virtual hours in 2.0 s: 3600 x real time, 9000 runs/hour',
    '4 failed:',
    '  crashed: 1 run, seeds 3; its process ended with SIGSEGV',
    '  liveness: 1 run, seeds 4; liveness of 4',
    '  lost-write: 2 runs, seeds 2, 5; lost-write of 2',
  ]);
  expect(tally.examples(3).map(({ seed }) => seed)).toEqual([2, 4]);
  expect(tally.json()).toMatchObject({
    runs: 5,
    failed: 4,
    violations: [{ seed: 2, checker: 'lost-write' }, { seed: 4 }, { seed: 5 }],
    crashes: [{ seed: 3 }],
    counts: { 'fault crash': 8 },
  });
});

test('if a hundred seeds have failed, the text lists twelve of them', () => {
  const tally = new Tally(() => 0);
  for (let seed = 100; seed > 0; seed--) tally.add({ seed, summary: summary(seed, 'liveness') });
  expect(tally.text()).toContain(
    'liveness: 100 runs, seeds 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 88 more; liveness of 1',
  );
});

test('the sum of virtual time does not depend on the order', () => {
  const hours = [0.1, 20.7, 0.2, 21.3].map((virtualSeconds, seed) => ({
    seed,
    summary: { ...summary(seed, null), virtualSeconds },
  }));
  const sum = (ended: typeof hours) => {
    const tally = new Tally(() => 0);
    for (const outcome of ended) tally.add(outcome);
    return tally.virtualSeconds;
  };
  expect([hours, hours.toReversed(), hours.toSorted((a, b) => (b.seed % 2) - (a.seed % 2))].map(sum)).toEqual(
    [42.3, 42.3, 42.3],
  );
});

test('the text says how often compacted logs and reads of logs with keys were not judged', () => {
  const tally = new Tally(() => 0);
  const counts = { 'compacted log judged': 7, 'compacted log not judged': 1 };
  tally.add({ seed: 1, summary: { ...summary(1, null), counts } });
  expect(tally.text()).toMatch(/\ncompacted log: judged 7, not judged 1$/);
  expect(tally.text()).not.toContain('read of a log');
});
