/** Goal: shrinking leaves exactly the faults that a failing run needs, and it ends. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ShrinkableRun, shrink, summaryOf } from '../src/index.ts';
import { simulateGuarded } from '../src/io/index.ts';

const all = (count: number) => Array.from({ length: count }, (_unused, index) => index);

/** A seed that fails whenever all of these faults strike. */
function failing(needed: readonly number[], count: number) {
  const tried: number[][] = [];
  const run = (only: ReadonlySet<number>): ShrinkableRun => {
    tried.push([...only]);
    const checker = needed.every((index) => only.has(index)) ? 'lost-write' : null;
    return { checker, faults: [...only].map((index) => ({ index })) };
  };
  return { run, tried, failed: run(new Set(all(count))) };
}

test('shrinking leaves exactly the needed faults', () => {
  const needs = fc.uniqueArray(fc.nat(39), { maxLength: 4 });
  fc.assert(
    fc.property(needs, (needed) => {
      const shrunk = shrink({ ...failing(needed, 40), goesOn: () => true });
      expect(shrunk.only).toEqual([...needed].sort((a, b) => a - b));
      expect(shrunk.isMinimal).toBe(true);
      expect(shrunk.run.checker).toBe('lost-write');
    }),
  );
});

test('a failure that needs no fault costs one run', () => {
  const shrunk = shrink({ ...failing([], 40), goesOn: () => true });
  expect(shrunk).toMatchObject({ only: [], runs: 1, isMinimal: true });
});

test('a run that fails another checker does not count', () => {
  const failed = { checker: 'lost-write', faults: all(4).map((index) => ({ index })) };
  const run = (only: ReadonlySet<number>) => ({
    checker: only.size < 3 ? 'liveness' : 'lost-write',
    faults: [...only].map((index) => ({ index })),
  });
  expect(shrink({ failed, run, goesOn: () => true }).only).toHaveLength(3);
});

test('shrinking leaves out faults without a victim at once', () => {
  const failed = { checker: 'lost-write', faults: all(6).map((index) => ({ index })) };
  const run = (only: ReadonlySet<number>) => ({
    checker: only.has(1) ? 'lost-write' : null,
    // Fault 0 strikes only together with fault 5.
    faults: [...only].filter((index) => index !== 0 || only.has(5)).map((index) => ({ index })),
  });
  const shrunk = shrink({ failed, run, goesOn: () => true });
  expect(shrunk.only).toEqual([1]);
  expect(shrunk.run.faults).toEqual([{ index: 1 }]);
});

test('shrinking ends with its best result when the time or the runs are used up', () => {
  const needed = [3, 17, 31];
  const brief = shrink({ ...failing(needed, 40), goesOn: () => true, runsMax: 5 });
  expect(brief).toMatchObject({ runs: 5, isMinimal: false });
  expect(brief.only).toEqual(expect.arrayContaining(needed));
  const none = shrink({ ...failing(needed, 40), goesOn: () => false });
  expect(none).toMatchObject({ runs: 0, isMinimal: false, only: all(40) });
});

test('a real run: the remaining faults strike as before', () => {
  const runOf = (seed: number, only?: ReadonlySet<number>) => {
    const summary = summaryOf(simulateGuarded({ seed, only }));
    const { length } = summary.faults.filter(({ index }) => index % 3 === 1);
    return { ...summary, checker: length >= 2 ? 'planted' : null };
  };
  let failed = runOf(1);
  for (let seed = 2; seed <= 20 && failed.checker === null; seed++) failed = runOf(seed);
  const { seed } = failed;
  // A few steps are enough here: the tests above show that shrinking ends at the smallest set.
  const shrunk = shrink({ failed, run: (only) => runOf(seed, only), goesOn: () => true, runsMax: 20 });
  expect(shrunk.only.length).toBeGreaterThanOrEqual(2);
  const timeOf = (run: typeof failed) =>
    run.faults.map(({ index, atSeconds, name }) => ({ index, atSeconds, name }));
  expect(timeOf(failed)).toEqual(expect.arrayContaining(timeOf(shrunk.run)));
  expect(runOf(seed, new Set(shrunk.only)).hash).toBe(shrunk.run.hash);
});
