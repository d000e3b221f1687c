import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assignRange } from '../../../src/consumer/assignors/range.ts';
import {
  counts,
  everyTopic,
  faults,
  input,
  load,
  mixedGroup,
  owners,
  topicId,
} from '../../support/assignments.ts';

it('gives each partition to one of its subscribers', () => {
  fc.assert(
    fc.property(mixedGroup, ({ counts: list, subscriptions }) => {
      const group = input(list, subscriptions);
      expect(faults(group, assignRange(group))).toEqual([]);
    }),
  );
});

it('gives each member one range of each topic; the first members get the larger ranges', () => {
  const target = assignRange(input([7], [[0], [0], [0]]));
  expect([...target.values()].map((topics) => topics.get(topicId(0)))).toEqual([
    [0, 1, 2],
    [3, 4],
    [5, 6],
  ]);
});

it('gives a member the same partition numbers in all topics that have equally many partitions', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (count, size) => {
      const target = assignRange(
        input(
          [count, count],
          Array.from({ length: size }, () => [0, 1]),
        ),
      );
      for (const topics of target.values()) expect(topics.get(topicId(0))).toEqual(topics.get(topicId(1)));
    }),
  );
});

it('balances each topic', () => {
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 9 }), (list, size) => {
      const subscriptions = Array.from({ length: size }, () => everyTopic(list));
      const target = assignRange(input(list, subscriptions));
      const loads = [...target.keys()].map((memberId) => load(target, memberId));
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(list.length);
    }),
  );
});

it('places static members before the others, ordered by instance id', () => {
  const group = input([3], [[0], [0], [0]]);
  const instances = [null, 'b', 'a'];
  const members = group.members.map((member, index) => ({ ...member, instanceId: instances[index]! }));
  expect(owners(assignRange({ ...group, members }))).toEqual([
    `${topicId(0)}/0 m2`,
    `${topicId(0)}/1 m1`,
    `${topicId(0)}/2 m0`,
  ]);
});

it('gives a static member that comes back under another id the same ranges', () => {
  const group = input([5], [[0], [0]]);
  const named = (ids: string[]) => ({
    ...group,
    members: group.members.map((member, index) => ({
      ...member,
      memberId: ids[index]!,
      instanceId: `i${index}`,
    })),
  });
  const before = assignRange(named(['x', 'y']));
  const after = assignRange(named(['x', 'a']));
  expect(after.get('a')).toEqual(before.get('y'));
});
