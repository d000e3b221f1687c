/** Goal: a reset commits only offsets within the log, and shows what it changes. */
import { expect, test } from 'vitest';
import { planReset } from '../../src/groups/reset-plan.ts';
import type { ResetTarget } from '../../src/groups/reset-target.ts';

const at = (offset: number, partition = 0) => ({
  topic: 'x',
  partition,
  offset,
  leaderEpoch: -1,
  metadata: '',
});
const in0 = (offset: number) => new Map([['x-0', offset]]);
const place = { topic: 'x', partition: 0 };

/** The log has the offsets 10 to 19, and ends at 20. The group has committed 15. */
function plan(target: ResetTarget, atTime = 17, committed = [at(15)]) {
  const ends = { earliest: in0(10), latest: in0(20), atTime: in0(atTime) };
  return planReset(target, [place], committed, ends)[0]!;
}

test.each<[ResetTarget, number, number?]>([
  [{ kind: 'earliest' }, 10],
  [{ kind: 'latest' }, 20],
  [{ kind: 'current' }, 15],
  [{ kind: 'offset', offset: 12 }, 12],
  [{ kind: 'offset', offset: 3 }, 10, 3],
  [{ kind: 'offset', offset: 99 }, 20, 99],
  [{ kind: 'shift', offset: -3 }, 12],
  [{ kind: 'shift', offset: -30 }, 10, -15],
  [{ kind: 'shift', offset: 30 }, 20, 45],
  [{ kind: 'time', timestampMs: 1 }, 17],
])('%j: to %d', (target, after, clippedFrom) => {
  expect(plan(target)).toEqual({ ...place, before: 15, after, clippedFrom });
});

test('a reset to a time after the last record moves to the end', () => {
  expect(plan({ kind: 'time', timestampMs: 1 }, -1).after).toBe(20);
});

test('without a committed offset, `current` means the end, and a shift is refused', () => {
  expect(plan({ kind: 'current' }, 0, [])).toMatchObject({ before: null, after: 20 });
  expect(() => plan({ kind: 'shift', offset: 1 }, 0, [])).toThrow(
    'the group has no committed offset to shift in x-0',
  );
});
