/**
 * A classic group with members becomes a consumer group when a member of the consumer protocol joins. A pure
 * function makes the records. The members stay, each with the partitions that the leader assigned to it. If
 * the join changes the subscriptions, or if the classic group is in a rebalance, the join raises the group
 * epoch: all members then learn that a rebalance began.
 */
import type { MetadataImage } from '@millrace/metadata';
import { CONSUMER_PROTOCOL_TYPE, ErrorCode } from '@millrace/protocol';
import { decodeAssignment, decodeSubscription } from './embedded.ts';
import {
  assignmentRecord,
  type ConsumerGroupRecord,
  groupEpochRecord,
  memberMetadataRecord,
  targetEpochRecord,
  targetRecord,
} from './group-records.ts';
import { GroupState } from './group-state.ts';
import { type Member, newMember, sortedNames } from './member.ts';
import type { ConsumerGroupSettings } from './ports.ts';
import { isRefusal, type Refusal, refusal } from './refusal.ts';
import { subscriptionHash } from './subscriptions.ts';
import { type TopicPartitions, withEpoch } from './topic-partitions.ts';

/** What a consumer group must know about a member of the classic group. */
export interface ClassicMemberFacts {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly client: { readonly clientId: string; readonly clientHost: string };
  readonly rebalanceTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly protocols: readonly { readonly name: string; readonly metadata: Uint8Array }[];
  readonly assignment: Uint8Array;
}

/** The facts about a classic group that the change of its type needs. */
export interface ClassicGroupFacts {
  readonly groupId: string;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly members: Iterable<ClassicMemberFacts>;
}

/**
 * Returns the records of the consumer group, or a refusal if the group cannot change its type. The caller
 * writes the records in one decision with the tombstone of the classic group, after this tombstone. The
 * refusals and their messages are Kafka's.
 */
export function upgradeRecords(
  group: ClassicGroupFacts,
  settings: ConsumerGroupSettings,
  image: MetadataImage,
): ConsumerGroupRecord[] | Refusal {
  const { groupId, generation } = group;
  const facts = [...group.members];
  const { migrationPolicy, maxSize } = settings;
  if (migrationPolicy !== 'upgrade' && migrationPolicy !== 'bidirectional')
    return refused(groupId, 'online upgrade is disabled.');
  if (group.protocolType !== CONSUMER_PROTOCOL_TYPE)
    return refused(groupId, 'the group does not use the consumer embedded protocol.');
  if (facts.length > maxSize)
    return refused(groupId, 'the group size exceeds the consumer group maximum size.');
  const members = facts.map((member) => upgradedMember(group, member, image));
  const fault = members.find(isRefusal);
  if (fault !== undefined) return fault;
  const known = members.flatMap((member) => (isRefusal(member) ? [] : [member]));
  const metadata = known.map(({ member }) => memberMetadataRecord(groupId, member.memberId, member));
  return [
    ...metadata,
    groupEpochRecord(groupId, { epoch: generation, metadataHash: hashOf(metadata, image) }),
    ...known.map(({ member, target }) => targetRecord(groupId, member.memberId, target)),
    targetEpochRecord(groupId, { assignmentEpoch: generation, assignmentTimestamp: 0 }),
    ...known.map(({ member }) => assignmentRecord(groupId, member.memberId, member)),
  ];
}

function upgradedMember(
  { groupId, generation, protocolName }: ClassicGroupFacts,
  facts: ClassicMemberFacts,
  image: MetadataImage,
): { member: Member; target: TopicPartitions } | Refusal {
  const chosen = facts.protocols.find(({ name }) => name === protocolName) ?? facts.protocols[0];
  const subscription = chosen === undefined ? undefined : decodeSubscription(chosen.metadata);
  const assignment = decodeAssignment(facts.assignment, image);
  if (subscription === undefined || assignment === undefined)
    return refused(groupId, 'the embedded consumer protocol is malformed.');
  if (assignment.hasUserData)
    return refused(
      groupId,
      'an unsupported custom assignor is in use. Please refer to the documentation or switch to a default ' +
        'assignor before re-attempting the upgrade.',
    );
  const member = {
    ...newMember(facts.memberId),
    instanceId: facts.groupInstanceId,
    rackId: subscription.rackId,
    clientId: facts.client.clientId,
    clientHost: facts.client.clientHost,
    subscribedTopicNames: sortedNames(subscription.topics),
    rebalanceTimeoutMs: facts.rebalanceTimeoutMs,
    classic: { sessionTimeoutMs: facts.sessionTimeoutMs, supportedProtocols: facts.protocols },
    memberEpoch: generation,
    previousMemberEpoch: generation,
    assigned: withEpoch(assignment.partitions, generation),
  };
  return { member, target: assignment.partitions };
}

function hashOf(metadata: readonly ConsumerGroupRecord[], image: MetadataImage): number {
  const state = new GroupState();
  for (const record of metadata) state.replay(record);
  return subscriptionHash(state, image);
}

function refused(groupId: string, why: string): Refusal {
  return refusal(
    ErrorCode.GROUP_ID_NOT_FOUND,
    `Cannot upgrade classic group ${groupId} to consumer group because ${why}`,
  );
}
