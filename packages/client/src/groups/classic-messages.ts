/**
 * The messages that members of a classic group send each other through the coordinator (protocol type
 * 'consumer').
 */
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  type JoinGroupResponse,
} from '@millrace/protocol';
import type { Assignments, Assignor, SubscribedMember } from './assignors/assignor.ts';
import { byTopic, flattened, sorted, type TopicPartition } from './topic-partitions.ts';

export function subscriptionBytes(
  assignor: Assignor,
  topics: readonly string[],
  owned: readonly TopicPartition[],
  generation: number,
): Uint8Array {
  const { maxVersion } = consumerProtocolSubscription;
  return consumerProtocolSubscription.encode(maxVersion, {
    topics: [...topics].sort(),
    userData: assignor.userData(generation),
    ownedPartitions: byTopic(sorted(owned)),
    generationId: generation,
  });
}

/**
 * The members in the answer to the leader's JoinGroup. Throws DecodeError if the bytes of a member are not a
 * subscription.
 */
export function subscribedMembers(
  assignor: Assignor,
  members: JoinGroupResponse['members'],
): SubscribedMember[] {
  return members.map(({ memberId, groupInstanceId, metadata }) => {
    const { topics, ownedPartitions, generationId, userData } = consumerProtocolSubscription.decode(metadata);
    const generation = generationId >= 0 ? generationId : assignor.generationIn(userData);
    return { memberId, instanceId: groupInstanceId, topics, owned: ownedPartitions, generation };
  });
}

export function assignmentEntries(assignments: Assignments) {
  return [...assignments].map(([memberId, partitions]) => ({
    memberId,
    assignment: consumerProtocolAssignment.encode(1, { assignedPartitions: byTopic(sorted(partitions)) }),
  }));
}

/** Throws DecodeError if the bytes are not an assignment. Empty bytes mean that nothing is assigned. */
export function assignedPartitions(assignment: Uint8Array): TopicPartition[] {
  if (assignment.length === 0) return [];
  return flattened(consumerProtocolAssignment.decode(assignment).assignedPartitions);
}
