/** The records of a consumer group: made from its state, and encoded for the log. */
import type { WallMillis } from '@millrace/base';
import { type GroupRecord, groupRecords, type Timestamp } from '@millrace/protocol';
import type { CoordinatorRecord } from '../runtime/machine.ts';
import type { GroupState } from './group-state.ts';
import type { MemberAssignment, MemberMetadata } from './member.ts';
import type { ResolvedRegex } from './regex.ts';
import { type EpochedPartitions, type TopicPartitions, toWire } from './topic-partitions.ts';

export type ConsumerGroupRecord = Extract<
  GroupRecord,
  {
    name:
      | 'consumerGroupMetadata'
      | 'consumerGroupPartitionMetadata'
      | 'consumerGroupMemberMetadata'
      | 'consumerGroupTargetAssignmentMetadata'
      | 'consumerGroupTargetAssignmentMember'
      | 'consumerGroupCurrentMemberAssignment'
      | 'consumerGroupRegularExpression';
  }
>;

/** All values have this version. */
const VALUE_VERSION = 0;

export function encodeRecord({ name, key, value }: ConsumerGroupRecord): CoordinatorRecord {
  const kind: {
    readonly key: { encode(key: unknown): Uint8Array };
    readonly value: { encode(version: number, value: unknown): Uint8Array };
  } = groupRecords[name];
  return {
    key: kind.key.encode(key),
    value: value === null ? null : kind.value.encode(VALUE_VERSION, value),
  };
}

export function groupEpochRecord(
  groupId: string,
  value: { readonly epoch: number; readonly metadataHash: Timestamp } | null,
): ConsumerGroupRecord {
  return { name: 'consumerGroupMetadata', key: { groupId }, value };
}

/**
 * Removes the record with the topics of a group that Kafka before 4.1 wrote. Nobody needs this record any
 * more.
 */
export function partitionMetadataTombstone(groupId: string): ConsumerGroupRecord {
  return { name: 'consumerGroupPartitionMetadata', key: { groupId }, value: null };
}

export function memberMetadataRecord(
  groupId: string,
  memberId: string,
  member: MemberMetadata | null,
): ConsumerGroupRecord {
  const key = { groupId, memberId };
  if (member === null) return { name: 'consumerGroupMemberMetadata', key, value: null };
  const { classic, subscribedTopicNames, ...others } = member;
  const value = {
    instanceId: others.instanceId,
    rackId: others.rackId,
    clientId: others.clientId,
    clientHost: others.clientHost,
    subscribedTopicNames: [...subscribedTopicNames],
    subscribedTopicRegex: others.subscribedTopicRegex,
    rebalanceTimeoutMs: others.rebalanceTimeoutMs,
    serverAssignor: others.serverAssignor,
    classicMemberMetadata:
      classic === null
        ? null
        : {
            sessionTimeoutMs: classic.sessionTimeoutMs,
            supportedProtocols: classic.supportedProtocols.map((protocol) => ({ ...protocol })),
          },
  };
  return { name: 'consumerGroupMemberMetadata', key, value };
}

export function targetEpochRecord(
  groupId: string,
  value: { readonly assignmentEpoch: number; readonly assignmentTimestamp: WallMillis } | null,
): ConsumerGroupRecord {
  return { name: 'consumerGroupTargetAssignmentMetadata', key: { groupId }, value };
}

export function targetRecord(
  groupId: string,
  memberId: string,
  target: TopicPartitions | null,
): ConsumerGroupRecord {
  const value =
    target === null
      ? null
      : {
          topicPartitions: toWire(target).map(({ topicId, partitions }) => ({
            topicId,
            partitions: [...partitions],
          })),
        };
  return { name: 'consumerGroupTargetAssignmentMember', key: { groupId, memberId }, value };
}

export function assignmentRecord(
  groupId: string,
  memberId: string,
  member: MemberAssignment | null,
): ConsumerGroupRecord {
  const value =
    member === null
      ? null
      : {
          memberEpoch: member.memberEpoch,
          previousMemberEpoch: member.previousMemberEpoch,
          state: member.state,
          assignedPartitions: epochedToWire(member.assigned),
          partitionsPendingRevocation: epochedToWire(member.pendingRevocation),
        };
  return { name: 'consumerGroupCurrentMemberAssignment', key: { groupId, memberId }, value };
}

export function regexRecord(
  groupId: string,
  regularExpression: string,
  resolved: ResolvedRegex | null,
): ConsumerGroupRecord {
  const value =
    resolved === null
      ? null
      : { topics: [...resolved.topics], version: resolved.version, timestamp: resolved.timestamp };
  return { name: 'consumerGroupRegularExpression', key: { groupId, regularExpression }, value };
}

/** The tombstones of a member, in the order that Kafka's replay demands. */
export function memberTombstones(groupId: string, memberId: string): ConsumerGroupRecord[] {
  return [
    assignmentRecord(groupId, memberId, null),
    targetRecord(groupId, memberId, null),
    memberMetadataRecord(groupId, memberId, null),
  ];
}

/** The records that delete a group and its members. */
export function groupTombstones(groupId: string, state: GroupState): ConsumerGroupRecord[] {
  const memberIds = [...state.members.keys()].sort();
  return [
    ...memberIds.map((memberId) => assignmentRecord(groupId, memberId, null)),
    ...memberIds.map((memberId) => targetRecord(groupId, memberId, null)),
    targetEpochRecord(groupId, null),
    ...memberIds.map((memberId) => memberMetadataRecord(groupId, memberId, null)),
    ...[...state.resolvedRegexes.keys()].sort().map((regex) => regexRecord(groupId, regex, null)),
    partitionMetadataTombstone(groupId),
    groupEpochRecord(groupId, null),
  ];
}

function epochedToWire(partitions: EpochedPartitions) {
  return toWire(partitions).map(({ topicId, partitions: list }) => ({
    topicId,
    partitions: [...list],
    assignmentEpochs: list.map((partition) => partitions.get(topicId)!.get(partition)!),
  }));
}
