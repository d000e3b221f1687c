/**
 * Records of committed offsets and of classic groups. Kafka 4.3.1 writes a committed offset in version 4, or
 * in version 1 if the client gave a retention time. It writes a group in version 3.
 */
import { array, bytes, int32, int64, string, uuid } from '../schema.ts';
import { defineRecord } from './define.ts';

/** The oldest form of a committed offset. Kafka 4.3.1 reads this type, but it only writes type 1. */
export const legacyOffsetCommit = defineRecord({
  type: 0,
  name: 'LegacyOffsetCommit',
  versions: '0',
  flexibleFrom: Infinity,
  key: {
    group: string('0'),
    topic: string('0'),
    partition: int32('0'),
  },
  value: {
    offset: int64('0', { clamp: true }),
    metadata: string('0'),
    commitTimestamp: int64('0', { clamp: true }),
  },
});

/**
 * What the versions of the value change:
 *
 *      1  time of expiry, in this version only     3  leader epoch (KIP-320)     4  flexible; topic id
 *
 * A tombstone removes the group's offset of this partition.
 */
export const offsetCommit = defineRecord({
  type: 1,
  name: 'OffsetCommit',
  versions: '0-4',
  flexibleFrom: 4,
  key: {
    group: string('0'),
    topic: string('0'),
    partition: int32('0'),
  },
  value: {
    offset: int64('0+', { clamp: true }),
    leaderEpoch: int32('3+', { default: -1 }),
    metadata: string('0+'),
    commitTimestamp: int64('0+', { clamp: true }),
    expireTimestamp: int64('1', { default: -1, clamp: true }),
    topicId: uuid('4+', { tag: 0 }),
  },
});

/**
 * What the versions of the value change:
 *
 *      1  rebalance timeout                                3  static members (KIP-345)
 *      2  time of the last change of state (KIP-211)       4  flexible
 *
 * A tombstone removes the group.
 */
export const groupMetadata = defineRecord({
  type: 2,
  name: 'GroupMetadata',
  versions: '0-4',
  flexibleFrom: 4,
  key: {
    group: string('0'),
  },
  value: {
    protocolType: string('0+'),
    generation: int32('0+'),
    protocol: string('0+', { nullable: '0+' }),
    leader: string('0+', { nullable: '0+' }),
    currentStateTimestamp: int64('2+', { default: -1, clamp: true }),
    members: array('0+', {
      memberId: string('0+'),
      groupInstanceId: string('3+', { nullable: '3+', default: null }),
      clientId: string('0+'),
      clientHost: string('0+'),
      rebalanceTimeout: int32('1+', { default: -1 }),
      sessionTimeout: int32('0+'),
      subscription: bytes('0+'),
      assignment: bytes('0+'),
    }),
  },
});
