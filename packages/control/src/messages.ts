/**
 * The messages between brokers and the active controller, as tables. methods.ts says which method uses which
 * messages. This file defines only shapes, no behaviour. Never change the number of a field, and never use
 * the number of a removed field again.
 */
import { ListenerMessage } from '@millrace/metadata';
import { defineMessage, type MessageType, optional, repeated } from '@millrace/rpc';

/**
 * logDirs: ids of the log directories. previousBrokerEpoch: the broker epoch of the broker's last
 * registration; -1 if there is none, or if the broker's logs may have lost records since that registration.
 * clusterId: '' if not known. sessionTimeoutMs: the broker's own setting, which is the longest lease that the
 * broker accepts. minInsyncReplicas: the broker's own setting, for topics that do not set it.
 */
export const RegisterRequest = defineMessage('RegisterRequest', {
  brokerId: [1, 'int32'],
  incarnationId: [2, 'string'],
  clusterId: [3, 'string'],
  listeners: [4, repeated(ListenerMessage)],
  rack: [5, optional('string')],
  previousBrokerEpoch: [6, 'int64'],
  logDirs: [7, repeated('string')],
  sessionTimeoutMs: [8, 'int32'],
  minInsyncReplicas: [9, optional('int32')],
});
export type RegisterRequest = MessageType<typeof RegisterRequest>;

/**
 * brokerEpoch: the offset of the committed registration record; -1 if the controller refused the
 * registration.
 */
export const RegisterResponse = defineMessage('RegisterResponse', {
  errorCode: [1, 'int32'],
  errorMessage: [2, optional('string')],
  brokerEpoch: [3, 'int64'],
});
export type RegisterResponse = MessageType<typeof RegisterResponse>;

/** metadataOffset: the last metadata offset that the broker has applied. */
export const HeartbeatRequest = defineMessage('HeartbeatRequest', {
  brokerId: [1, 'int32'],
  brokerEpoch: [2, 'int64'],
  metadataOffset: [3, 'int64'],
  wantFence: [4, 'bool'],
  wantShutDown: [5, 'bool'],
});
export type HeartbeatRequest = MessageType<typeof HeartbeatRequest>;

/**
 * leaseMs: the length of the broker's lease (docs/leases.md). For this time after it sent the request, by its
 * own clock, the broker may acknowledge records. 0 while the broker is fenced.
 */
export const HeartbeatResponse = defineMessage('HeartbeatResponse', {
  errorCode: [1, 'int32'],
  isCaughtUp: [2, 'bool'],
  isFenced: [3, 'bool'],
  shouldShutDown: [4, 'bool'],
  leaseMs: [5, 'int32'],
});
export type HeartbeatResponse = MessageType<typeof HeartbeatResponse>;

/**
 * Exactly one of register, heartbeat and leaves is set. The answer has the same sequence as the request.
 * leaves: the broker still runs, but closes this stream. After `leaves` the broker sends nothing on the
 * stream, and the controller does not answer `leaves`.
 */
export const ControlRequest = defineMessage('ControlRequest', {
  sequence: [1, 'int64'],
  register: [2, optional(RegisterRequest)],
  heartbeat: [3, optional(HeartbeatRequest)],
  leaves: [4, 'bool'],
});
export type ControlRequest = MessageType<typeof ControlRequest>;

/**
 * notControllerLeaderId: the id of the active controller, or -1 if this node does not know it. Set only if
 * this node was not the active controller when the request arrived.
 */
export const ControlResponse = defineMessage('ControlResponse', {
  sequence: [1, 'int64'],
  register: [2, optional(RegisterResponse)],
  heartbeat: [3, optional(HeartbeatResponse)],
  notControllerLeaderId: [4, optional('int32')],
});
export type ControlResponse = MessageType<typeof ControlResponse>;

/** A proposed ISR member. brokerEpoch: the member's broker epoch as the sender knows it, or -1 (KIP-903). */
export const IsrMember = defineMessage('IsrMember', {
  brokerId: [1, 'int32'],
  brokerEpoch: [2, 'int64'],
});
export type IsrMember = MessageType<typeof IsrMember>;

/**
 * storageFailed: the broker cannot use its replica. So it asks the controller to remove the replica from the
 * ISR and the ELR, and to elect another leader if the replica leads. Such an item proposes no ISR.
 */
const AlterPartitionItem = defineMessage('AlterPartitionItem', {
  topicId: [1, 'string'],
  partition: [2, 'int32'],
  leaderEpoch: [3, 'int32'],
  partitionEpoch: [4, 'int32'],
  isr: [5, repeated(IsrMember)],
  storageFailed: [6, 'bool'],
});

export const AlterPartitionRequest = defineMessage('AlterPartitionRequest', {
  brokerId: [1, 'int32'],
  brokerEpoch: [2, 'int64'],
  partitions: [3, repeated(AlterPartitionItem)],
});
export type AlterPartitionRequest = MessageType<typeof AlterPartitionRequest>;

/**
 * The state of the partition after the decision. On an error, leader and both epochs are -1, and isr is
 * empty.
 */
const AlterPartitionResult = defineMessage('AlterPartitionResult', {
  topicId: [1, 'string'],
  partition: [2, 'int32'],
  errorCode: [3, 'int32'],
  leader: [4, 'int32'],
  leaderEpoch: [5, 'int32'],
  isr: [6, repeated('int32')],
  partitionEpoch: [7, 'int32'],
});
export type AlterPartitionResult = MessageType<typeof AlterPartitionResult>;

/** errorCode applies to the whole request; partitions are in the order of the request. */
export const AlterPartitionResponse = defineMessage('AlterPartitionResponse', {
  errorCode: [1, 'int32'],
  partitions: [2, repeated(AlterPartitionResult)],
});
export type AlterPartitionResponse = MessageType<typeof AlterPartitionResponse>;

export const AllocateProducerIdsRequest = defineMessage('AllocateProducerIdsRequest', {
  brokerId: [1, 'int32'],
  brokerEpoch: [2, 'int64'],
});
export type AllocateProducerIdsRequest = MessageType<typeof AllocateProducerIdsRequest>;

/** The broker may give out the ids producerIdStart .. producerIdStart + producerIdCount - 1. */
export const AllocateProducerIdsResponse = defineMessage('AllocateProducerIdsResponse', {
  errorCode: [1, 'int32'],
  producerIdStart: [2, 'int64'],
  producerIdCount: [3, 'int32'],
});
export type AllocateProducerIdsResponse = MessageType<typeof AllocateProducerIdsResponse>;

/**
 * A client's request that only the controller can answer. body: the request in Kafka's encoding of
 * apiVersion, without header. requestId: a random id, the same in each retry of the request; absent if the
 * request only reads.
 */
export const ForwardRequest = defineMessage('ForwardRequest', {
  apiKey: [1, 'int32'],
  apiVersion: [2, 'int32'],
  clientId: [3, optional('string')],
  body: [4, 'bytes'],
  requestId: [5, optional('string')],
});
export type ForwardRequest = MessageType<typeof ForwardRequest>;

/**
 * If errorCode is not NONE, the controller has no answer for the client, and body is empty. After
 * NOT_CONTROLLER, the controllers may still carry out the requested change.
 */
export const ForwardResponse = defineMessage('ForwardResponse', {
  errorCode: [1, 'int32'],
  body: [2, 'bytes'],
});
export type ForwardResponse = MessageType<typeof ForwardResponse>;
