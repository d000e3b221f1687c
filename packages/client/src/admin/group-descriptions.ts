/** Describes groups for an administrator, from the answers of their coordinators. */
import {
  type ConsumerGroupDescribeResponse,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  DecodeError,
  type DescribeGroupsResponse,
} from '@millrace/protocol';
import { flattened, sorted, type TopicPartition } from '../groups/topic-partitions.ts';

export interface MemberDescription {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  /** The client's address, with a `/` in front. */
  readonly clientHost: string;
  /** The member epoch (KIP-848). Undefined: this is a member of a classic group. */
  readonly epoch: number | undefined;
  /**
   * The topics of the subscription. Undefined: a classic group that is not stable, or whose members are no
   * consumers.
   */
  readonly topics: readonly string[] | undefined;
  /** The regular expression of the subscription (KIP-848), if there is one. */
  readonly regex: string | null;
  readonly assignment: readonly TopicPartition[];
  /**
   * The partitions that the target assignment gives to the member (KIP-848); undefined: a member of a classic
   * group.
   */
  readonly target: readonly TopicPartition[] | undefined;
}

/** A rebalance of the past. Only brokers of Millrace report them. */
export interface PastRebalance {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** The generation, or the group epoch. */
  readonly epoch: number;
  readonly cause: string;
  /** The member that caused the rebalance; empty strings: no member caused it. */
  readonly memberId: string;
  readonly clientId: string;
  readonly clientHost: string;
  /** The reason that the client gave. */
  readonly reason: string | null;
  /** The length of the timeout whose end caused the rebalance; -1: it had another cause. */
  readonly afterMs: number;
}

export interface GroupDescription {
  readonly groupId: string;
  /** `consumer`: KIP-848. */
  readonly type: 'classic' | 'consumer';
  readonly state: string;
  /** `consumer` for groups of consumers; empty: the group has only committed offsets. */
  readonly protocolType: string;
  /** The assignor; empty: a classic group that is not stable. */
  readonly assignor: string;
  /** The group epoch (KIP-848). Undefined: a classic group, because its description has no generation. */
  readonly epoch: number | undefined;
  readonly members: readonly MemberDescription[];
  /** The last rebalances, oldest first. Undefined: the broker does not report them. */
  readonly rebalances: readonly PastRebalance[] | undefined;
}

type ConsumerGroup = ConsumerGroupDescribeResponse['groups'][number];
type ClassicGroup = DescribeGroupsResponse['groups'][number];

export function describedConsumerGroup(group: ConsumerGroup): GroupDescription {
  return {
    groupId: group.groupId,
    type: 'consumer',
    state: group.groupState,
    protocolType: 'consumer',
    assignor: group.assignorName,
    epoch: group.groupEpoch,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      epoch: member.memberEpoch,
      topics: member.subscribedTopicNames,
      regex: member.subscribedTopicRegex === '' ? null : member.subscribedTopicRegex,
      assignment: partitionsOf(member.assignment),
      target: partitionsOf(member.targetAssignment),
    })),
    rebalances: rebalancesOf(group),
  };
}

export function describedClassicGroup(group: ClassicGroup): GroupDescription {
  return {
    groupId: group.groupId,
    type: 'classic',
    state: group.groupState,
    protocolType: group.protocolType,
    assignor: group.protocolData,
    epoch: undefined,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      epoch: undefined,
      topics: subscriptionIn(member.memberMetadata),
      regex: null,
      assignment: assignmentIn(member.memberAssignment),
      target: undefined,
    })),
    rebalances: rebalancesOf(group),
  };
}

function partitionsOf({ topicPartitions }: ConsumerGroup['members'][number]['assignment']): TopicPartition[] {
  return sorted(
    flattened(topicPartitions.map(({ topicName, partitions }) => ({ topic: topicName, partitions }))),
  );
}

function subscriptionIn(metadata: Uint8Array): readonly string[] | undefined {
  return decoded(metadata, (bytes) => consumerProtocolSubscription.decode(bytes).topics);
}

function assignmentIn(assignment: Uint8Array): readonly TopicPartition[] {
  const topics = decoded(assignment, (bytes) => consumerProtocolAssignment.decode(bytes).assignedPartitions);
  return sorted(flattened(topics ?? []));
}

/** Returns the decoded message. Undefined: there are no bytes, or they belong to another protocol. */
function decoded<T>(bytes: Uint8Array, decode: (bytes: Uint8Array) => T): T | undefined {
  if (bytes.length === 0) return undefined;
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function rebalancesOf({ rebalances }: Pick<ConsumerGroup, 'rebalances'>): PastRebalance[] | undefined {
  return rebalances?.map((rebalance) => ({ ...rebalance }));
}
