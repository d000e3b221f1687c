/**
 * The type of an assignor: a pure function from the members of a group to a target assignment. The result
 * must not depend on the order of the members, so that equal groups get equal assignments.
 */
import type { Uuid } from '@millrace/base';
import type { TopicPartitions } from '../topic-partitions.ts';

export interface AssignorMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  /** As in Kafka 4.3, no assignor uses it. */
  readonly rackId: string | null;
  /** Members with equal subscriptions should share one set: the assignors compare sets by identity first. */
  readonly topics: ReadonlySet<Uuid>;
  /** The member's present target assignment. It may name partitions that no longer exist. */
  readonly current: TopicPartitions;
}

export interface AssignorInput {
  readonly members: readonly AssignorMember[];
  /** The partition counts of the topics that exist. Assignors assign the topics in the order of this map. */
  readonly partitionCounts: ReadonlyMap<Uuid, number>;
}

/** The partitions of each member. Members without partitions have an entry, too. */
export type TargetAssignment = ReadonlyMap<string, TopicPartitions>;

export type Assignor = (input: AssignorInput) => TargetAssignment;

/** True if all members subscribe to the same topics. */
export function isHomogeneous(members: readonly AssignorMember[]): boolean {
  const first = members[0]?.topics;
  return first === undefined || members.every(({ topics }) => topics === first || sameSet(topics, first));
}

function sameSet(a: ReadonlySet<Uuid>, b: ReadonlySet<Uuid>): boolean {
  if (a.size !== b.size) return false;
  for (const topic of a) if (!b.has(topic)) return false;
  return true;
}

export function byMemberId(a: { readonly memberId: string }, b: { readonly memberId: string }): number {
  return a.memberId < b.memberId ? -1 : a.memberId > b.memberId ? 1 : 0;
}
