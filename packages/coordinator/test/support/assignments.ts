/** For tests of assignors: random groups as inputs, and checks that every assignment must pass. */
import type { Uuid } from '@millrace/base';
import fc from 'fast-check';
import type { AssignorInput, TargetAssignment } from '../../src/consumer/assignors/index.ts';

export function topicId(index: number): Uuid {
  return `topic-${index}`.padEnd(22, 'A') as Uuid;
}

/** `counts`: the partition count of each topic. `subscriptions`: the indexes of each member's topics. */
export function input(
  counts: readonly number[],
  subscriptions: readonly (readonly number[])[],
  current: TargetAssignment = new Map(),
): AssignorInput {
  return {
    partitionCounts: new Map(counts.map((count, index) => [topicId(index), count])),
    members: subscriptions.map((topics, index) => ({
      memberId: `m${index}`,
      instanceId: null,
      rackId: null,
      topics: new Set(topics.map(topicId)),
      current: current.get(`m${index}`) ?? new Map(),
    })),
  };
}

export function everyTopic(counts: readonly number[]): number[] {
  return [...counts.keys()];
}

/** Partition counts of topics. */
export const counts = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 6 });

/** A group whose members subscribe to different topics. */
export const mixedGroup = counts.chain((list) =>
  fc.record({
    counts: fc.constant(list),
    subscriptions: fc.array(fc.subarray([...list.keys()]), { minLength: 1, maxLength: 8 }),
  }),
);

export function load(target: TargetAssignment, memberId: string): number {
  let sum = 0;
  for (const partitions of target.get(memberId)?.values() ?? []) sum += partitions.length;
  return sum;
}

/** One text for each partition, `topic/partition member`, sorted. */
export function owners(target: TargetAssignment): string[] {
  const lines: string[] = [];
  for (const [memberId, topics] of target)
    for (const [topic, partitions] of topics)
      for (const partition of partitions) lines.push(`${topic}/${partition} ${memberId}`);
  return lines.sort();
}

/** How many partitions of `before` have another member in `after`, or none. */
export function moves(before: TargetAssignment, after: TargetAssignment): number {
  const now = new Set(owners(after));
  return owners(before).filter((line) => !now.has(line)).length;
}

/**
 * Lists what is wrong with the assignment. Exactly one member must have each partition, and this member must
 * subscribe to the topic.
 */
export function faults({ members, partitionCounts }: AssignorInput, target: TargetAssignment): string[] {
  const found: string[] = [];
  const owner = new Map<string, string>();
  for (const { memberId, topics } of members) {
    for (const [topic, partitions] of target.get(memberId) ?? []) {
      if (!topics.has(topic)) found.push(`${memberId} does not subscribe to ${topic}`);
      for (const partition of partitions) {
        const name = `${topic}/${partition}`;
        if (owner.has(name)) found.push(`${name} has two members`);
        if (partition >= (partitionCounts.get(topic) ?? 0)) found.push(`${name} does not exist`);
        owner.set(name, memberId);
      }
    }
  }
  for (const [topic, count] of partitionCounts) {
    if (!members.some(({ topics }) => topics.has(topic))) continue;
    for (let partition = 0; partition < count; partition++)
      if (!owner.has(`${topic}/${partition}`)) found.push(`${topic}/${partition} has no member`);
  }
  return found;
}
