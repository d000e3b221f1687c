/**
 * Goal: members keep what they own, no member gets a partition that another member still owns, and the
 * numbers of partitions become even.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SubscribedMember } from '../../../src/groups/assignors/assignor.ts';
import { cooperativeStickyAssignor } from '../../../src/groups/assignors/cooperative-sticky.ts';
import { byTopic, flattened, partitionName, type TopicPartition } from '../../../src/index.ts';

const member = (memberId: string, owned: number[] = [], generation = 1): SubscribedMember => ({
  memberId,
  instanceId: null,
  topics: ['x'],
  owned: [{ topic: 'x', partitions: owned }],
  generation,
});

function assigned(members: SubscribedMember[], count: number) {
  const assignments = cooperativeStickyAssignor.assign(members, new Map([['x', count]]));
  return Object.fromEntries([...assignments].map(([id, places]) => [id, places.map((one) => one.partition)]));
}

test('a new member gets nothing in the round in which others must give up partitions', () => {
  expect(assigned([member('a', [0, 1, 2, 3]), member('b')], 4)).toEqual({ a: [0, 1], b: [] });
  expect(assigned([member('a', [0, 1], 2), member('b')], 4)).toEqual({ a: [0, 1], b: [2, 3] });
});

test('the partitions of a member that has left go to the members with the fewest partitions', () => {
  expect(assigned([member('a', [0]), member('b', [1, 2])], 4)).toEqual({ a: [0, 3], b: [1, 2] });
});

test('a claim of an older generation counts only if there is no newer claim', () => {
  expect(assigned([member('a', [0], 1), member('b', [0], 2)], 2)).toEqual({ a: [1], b: [0] });
  expect(assigned([member('a', [0], 1), member('b', [], 2)], 1)).toEqual({ a: [0], b: [] });
});

test('two members that claim a partition in the same generation both lose the claim', () => {
  const { a, b } = assigned([member('a', [0]), member('b', [0])], 1);
  expect([...a!, ...b!]).toEqual([0]);
});

test('the user data carry the generation, for subscription versions that have no generation', () => {
  const bytes = cooperativeStickyAssignor.userData(7);
  expect([...bytes!]).toEqual([0, 0, 0, 7]);
  expect(cooperativeStickyAssignor.generationIn(bytes)).toBe(7);
  expect(cooperativeStickyAssignor.generationIn(null)).toBe(-1);
});

test('after any history the rounds end; then one subscriber owns each partition, and the counts are even', () => {
  const topics = ['x', 'y', 'z'];
  const anyMember = fc.record({
    topics: fc.uniqueArray(fc.constantFrom(...topics), { minLength: 1 }),
    owned: fc.uniqueArray(fc.record({ topic: fc.constantFrom(...topics), partition: fc.nat(7) }), {
      selector: partitionName,
    }),
    generation: fc.integer({ min: -1, max: 3 }),
  });
  const anyCounts = fc.record({ x: fc.nat(6), y: fc.nat(6) });
  fc.assert(
    fc.property(fc.array(anyMember, { minLength: 1, maxLength: 5 }), anyCounts, (drawn, drawnCounts) => {
      const counts = new Map(Object.entries(drawnCounts));
      let members: SubscribedMember[] = drawn.map(({ owned, ...one }, index) => ({
        ...one,
        memberId: `m${index}`,
        instanceId: null,
        owned: byTopic(owned),
      }));
      for (let round = 5; ; round++) {
        const assignments = cooperativeStickyAssignor.assign(members, counts);
        const isStill = members.every(({ memberId, owned }) => {
          const names = (places: readonly TopicPartition[]) => places.map(partitionName).sort().join();
          return names(flattened(owned)) === names(assignments.get(memberId)!);
        });
        // In this round, no member gets a partition that only other members claim to own.
        for (const { memberId, owned } of members)
          for (const place of assignments.get(memberId)!) {
            const name = partitionName(place);
            const mine = flattened(owned).some((one) => partitionName(one) === name);
            const others = members.filter((other) => other.memberId !== memberId);
            const isTheirs = others.some((other) =>
              flattened(other.owned).some((one) => partitionName(one) === name),
            );
            expect(mine || !isTheirs).toBe(true);
          }
        members = members.map((one) => ({
          ...one,
          owned: byTopic(assignments.get(one.memberId)!),
          generation: round,
        }));
        if (isStill) break;
        expect(round).toBeLessThan(12);
      }
      const owners = new Map<string, string[]>();
      for (const { memberId, owned, topics: subscribed } of members)
        for (const place of flattened(owned)) {
          expect(subscribed).toContain(place.topic);
          owners.set(partitionName(place), [...(owners.get(partitionName(place)) ?? []), memberId]);
        }
      const load = ({ owned }: SubscribedMember) => flattened(owned).length;
      for (const [topic, count] of counts)
        for (let partition = 0; partition < count; partition++) {
          const subscribers = members.filter((one) => one.topics.includes(topic));
          const names = owners.get(partitionName({ topic, partition })) ?? [];
          expect(names).toHaveLength(subscribers.length === 0 ? 0 : 1);
          const owner = members.find(({ memberId }) => memberId === names[0]);
          if (owner !== undefined)
            for (const other of subscribers) expect(load(owner) - load(other)).toBeLessThan(2);
        }
    }),
    { numRuns: 300 },
  );
});
