import fc from 'fast-check';
import { expect, test } from 'vitest';
import { electionResult, majorityReached, majoritySize } from '../src/majority.ts';

/** A simple model: tries every voter's value, and counts. */
function reachedByCounting(values: readonly number[]): number {
  let best = Number.NEGATIVE_INFINITY;
  for (const candidate of values) {
    let have = 0;
    for (const value of values) if (value >= candidate) have++;
    if (have * 2 > values.length && candidate > best) best = candidate;
  }
  return best;
}

const values = fc.array(fc.integer({ min: -1, max: 20 }), { minLength: 1, maxLength: 9 });

test('the value that a majority has reached matches the model', () => {
  fc.assert(fc.property(values, (list) => majorityReached(list) === reachedByCounting(list)));
});

test('two majorities always share a voter, and a smaller set is not a majority', () => {
  for (let voters = 1; voters < 20; voters++) {
    expect(majoritySize(voters) * 2).toBeGreaterThan(voters);
    expect((majoritySize(voters) - 1) * 2).toBeLessThanOrEqual(voters);
  }
});

test('an election is won, lost or open, and an open one can still be won or lost', () => {
  const answers = fc.array(fc.constantFrom('granted', 'rejected', 'none'), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(answers, fc.boolean(), (list, all) => {
      const voters = list.length;
      const needed = all ? voters : majoritySize(voters);
      const count = (what: string) => list.filter((answer) => answer === what).length;
      const result = (granted: number, rejected: number) =>
        electionResult({ voters, needed, granted, rejected });
      const now = result(count('granted'), count('rejected'));
      const best = result(count('granted') + count('none'), count('rejected'));
      const worst = result(count('granted'), count('rejected') + count('none'));
      if (now === 'open') expect([best, worst]).toEqual(['won', 'lost']);
      else expect([best, worst]).toEqual([now, now]);
    }),
  );
});
