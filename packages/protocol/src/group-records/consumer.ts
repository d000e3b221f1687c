/**
 * Records of consumer groups (KIP-848). Each value has one version. This version is flexible, and later
 * fields are tagged. A tombstone removes the part of the group that its key names.
 */
import { array, bytes, int8, int32, int64, string, struct, timestamp, uuid } from '../schema.ts';
import { defineRecord } from './define.ts';

const groupKey = { groupId: string('0') };
const memberKey = { groupId: string('0'), memberId: string('0') };

/** The group epoch. `metadataHash` may use all 64 bits, so its type is Timestamp: a number or a bigint. */
export const consumerGroupMetadata = defineRecord({
  type: 3,
  name: 'ConsumerGroupMetadata',
  versions: '0',
  flexibleFrom: 0,
  key: groupKey,
  value: {
    epoch: int32('0+'),
    metadataHash: timestamp('0+', { tag: 0 }),
  },
});

/** The subscribed topics. Kafka 4.3.1 has `metadataHash` instead, and only writes tombstones of this type. */
export const consumerGroupPartitionMetadata = defineRecord({
  type: 4,
  name: 'ConsumerGroupPartitionMetadata',
  versions: '0',
  flexibleFrom: 0,
  key: groupKey,
  value: {
    topics: array('0+', {
      topicId: uuid('0+'),
      topicName: string('0+'),
      numPartitions: int32('0+'),
      partitionMetadata: array('0+', {
        partition: int32('0+'),
        racks: array('0+', 'string'),
      }),
    }),
  },
});

/**
 * A member and its subscription. `classicMemberMetadata` is null if the member uses the consumer protocol.
 * The writer must then write null explicitly: if this field is missing, Kafka concludes that the member uses
 * the classic protocol.
 */
export const consumerGroupMemberMetadata = defineRecord({
  type: 5,
  name: 'ConsumerGroupMemberMetadata',
  versions: '0',
  flexibleFrom: 0,
  key: memberKey,
  value: {
    instanceId: string('0+', { nullable: '0+' }),
    rackId: string('0+', { nullable: '0+' }),
    clientId: string('0+'),
    clientHost: string('0+'),
    subscribedTopicNames: array('0+', 'string'),
    subscribedTopicRegex: string('0+', { nullable: '0+' }),
    rebalanceTimeoutMs: int32('0+', { default: -1 }),
    serverAssignor: string('0+', { nullable: '0+' }),
    classicMemberMetadata: struct(
      '0+',
      { nullable: '0+', tag: 0 },
      {
        sessionTimeoutMs: int32('0+'),
        supportedProtocols: array('0+', {
          name: string('0+'),
          metadata: bytes('0+'),
        }),
      },
    ),
  },
});

/** The epoch of the group's target assignment. */
export const consumerGroupTargetAssignmentMetadata = defineRecord({
  type: 6,
  name: 'ConsumerGroupTargetAssignmentMetadata',
  versions: '0',
  flexibleFrom: 0,
  key: groupKey,
  value: {
    assignmentEpoch: int32('0+'),
    assignmentTimestamp: int64('0+', { clamp: true, tag: 0 }),
  },
});

/** The partitions that the target assignment gives to a member. */
export const consumerGroupTargetAssignmentMember = defineRecord({
  type: 7,
  name: 'ConsumerGroupTargetAssignmentMember',
  versions: '0',
  flexibleFrom: 0,
  key: memberKey,
  value: {
    topicPartitions: array('0+', {
      topicId: uuid('0+'),
      partitions: array('0+', 'int32'),
    }),
  },
});

const topicPartitions = {
  topicId: uuid('0+'),
  partitions: array('0+', 'int32'),
  assignmentEpochs: array('0+', { nullable: '0+', tag: 0 }, 'int32'),
};

/** The partitions that a member has, and the epoch of the member. */
export const consumerGroupCurrentMemberAssignment = defineRecord({
  type: 8,
  name: 'ConsumerGroupCurrentMemberAssignment',
  versions: '0',
  flexibleFrom: 0,
  key: memberKey,
  value: {
    memberEpoch: int32('0+'),
    previousMemberEpoch: int32('0+'),
    state: int8('0+'),
    assignedPartitions: array('0+', topicPartitions),
    partitionsPendingRevocation: array('0+', topicPartitions),
  },
});

/** The topics that match a regular expression, at a version of the metadata. */
export const consumerGroupRegularExpression = defineRecord({
  type: 16,
  name: 'ConsumerGroupRegularExpression',
  versions: '0',
  flexibleFrom: 0,
  key: {
    groupId: string('0'),
    regularExpression: string('0'),
  },
  value: {
    topics: array('0+', 'string'),
    version: int64('0+', { clamp: true }),
    timestamp: int64('0+', { clamp: true }),
  },
});
