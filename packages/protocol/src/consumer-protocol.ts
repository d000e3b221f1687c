/**
 * The messages that the clients of a classic consumer group (protocol type 'consumer') send each other
 * through the broker: a member's subscription in JoinGroup, and its assignment in SyncGroup. Brokers pass
 * both on, and read a subscription only to know the topics of the group. As in Kafka, this code reads a
 * message of a newer version as the newest version that it knows, because later versions only append fields.
 */
import { REQUEST_ELEMENTS_MAX } from './reader.ts';
import { array, bytes, int32, string } from './schema.ts';
import { defineVersionedMessage, type ValueOf } from './versioned-message.ts';

/** The protocol type of consumer groups in JoinGroup and SyncGroup. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer';

/**
 * What each version adds:
 *
 *      1  owned partitions (KIP-429)     2  generation (KIP-792)     3  rack (KIP-881)
 */
export const consumerProtocolSubscription = defineVersionedMessage({
  name: 'ConsumerProtocolSubscription',
  versions: '0-3',
  flexibleFrom: Infinity,
  elementsMax: REQUEST_ELEMENTS_MAX,
  readsNewer: true,
  fields: {
    topics: array('0+', 'string'),
    userData: bytes('0+', { nullable: '0+', default: null }),
    ownedPartitions: array('1+', {
      topic: string('1+'),
      partitions: array('1+', 'int32'),
    }),
    generationId: int32('2+', { default: -1 }),
    rackId: string('3+', { nullable: '3+', default: null }),
  },
});

/** All versions have the same fields. */
export const consumerProtocolAssignment = defineVersionedMessage({
  name: 'ConsumerProtocolAssignment',
  versions: '0-3',
  flexibleFrom: Infinity,
  elementsMax: REQUEST_ELEMENTS_MAX,
  readsNewer: true,
  fields: {
    assignedPartitions: array('0+', {
      topic: string('0+'),
      partitions: array('0+', 'int32'),
    }),
    userData: bytes('0+', { nullable: '0+', default: null }),
  },
});

export type ConsumerProtocolSubscription = ValueOf<typeof consumerProtocolSubscription>;
export type ConsumerProtocolAssignment = ValueOf<typeof consumerProtocolAssignment>;
