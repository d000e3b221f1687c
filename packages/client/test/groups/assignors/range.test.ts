/** Goal: the range assignor divides each topic as Kafka's does. */
import { expect, test } from 'vitest';
import { rangeAssignor } from '../../../src/groups/assignors/range.ts';

const member = (memberId: string, topics: string[], instanceId: string | null = null) => ({
  memberId,
  instanceId,
  topics,
  owned: [],
  generation: -1,
});

function assigned(members: ReturnType<typeof member>[], counts: Record<string, number>) {
  const assignments = rangeAssignor.assign(members, new Map(Object.entries(counts)));
  return Object.fromEntries(
    [...assignments].map(([id, places]) => [
      id,
      places.map(({ topic, partition }) => `${topic}${partition}`).join(' '),
    ]),
  );
}

test('if the division has a remainder, the first members get one partition more', () => {
  const members = [member('b', ['x', 'y']), member('a', ['x', 'y']), member('c', ['x', 'y'])];
  expect(assigned(members, { x: 4, y: 2 })).toEqual({ a: 'x0 x1 y0', b: 'x2 y1', c: 'x3' });
});

test('members get only topics to which they subscribe, and nobody gets a topic that does not exist', () => {
  const members = [member('a', ['x']), member('b', ['x', 'y', 'gone'])];
  expect(assigned(members, { x: 2, y: 2 })).toEqual({ a: 'x0', b: 'x1 y0 y1' });
});

test('static members come first, in the order of their instance ids', () => {
  const members = [member('a', ['x']), member('c', ['x'], 'i1'), member('b', ['x'], 'i2')];
  expect(assigned(members, { x: 3 })).toEqual({ a: 'x2', b: 'x1', c: 'x0' });
});
