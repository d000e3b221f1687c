/**
 * The metadata records: everything the cluster remembers is the replay of these, in the order of the metadata
 * log. Types only; the wire form is in records.ts. It must never depend on who wrote a record or when.
 */
import type { BrokerEpoch, LeaderEpoch, Millis, NodeId, Uuid } from '@millrace/base';

/** One advertised listener of a broker. */
export interface ListenerEndpoint {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** A broker process says that it exists. Its epoch is the offset of this record. Starts fenced. */
export interface RegisterBrokerRecord {
  readonly type: 'registerBroker';
  readonly brokerId: NodeId;
  /** Drawn by each start of the process: tells a retry from a restart. */
  readonly incarnationId: Uuid;
  readonly listeners: readonly ListenerEndpoint[];
  readonly rack?: string | undefined;
  /** Directory ids (KIP-858) of the broker's log directories. */
  readonly logDirs: readonly Uuid[];
  /** The broker's own `broker.session.timeout.ms`; absent in records of older versions. */
  readonly sessionTimeoutMs?: Millis | undefined;
}

/** The broker was removed from the cluster for good. */
export interface UnregisterBrokerRecord {
  readonly type: 'unregisterBroker';
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
}

/** The state of a registered broker changes; what is undefined stays as it is. */
export interface BrokerChangeRecord {
  readonly type: 'brokerChange';
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
  readonly fenced?: boolean | undefined;
  readonly inControlledShutdown?: boolean | undefined;
}

/** A topic without partitions; they follow in the same batch. */
export interface TopicRecord {
  readonly type: 'topic';
  readonly name: string;
  readonly topicId: Uuid;
}

/** A new partition. Partitions of a topic are numbered from 0 and created in that order. */
export interface PartitionRecord {
  readonly type: 'partition';
  readonly topicId: Uuid;
  readonly partition: number;
  /** In the order of preference. */
  readonly replicas: readonly NodeId[];
  /** Never empty. */
  readonly isr: readonly NodeId[];
  /** A member of the ISR, or -1. */
  readonly leader: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: number;
  /** The client's request for more partitions that this record, the first of several, begins to carry out. */
  readonly requestId?: Uuid | undefined;
}

/**
 * A partition changes; what is undefined stays as it is. The partition epoch grows by one with every such
 * record, the leader epoch by one when `leader` is given (also when it names the same leader).
 */
export interface PartitionChangeRecord {
  readonly type: 'partitionChange';
  readonly topicId: Uuid;
  readonly partition: number;
  /** Never empty. */
  readonly isr?: readonly NodeId[] | undefined;
  /** Eligible leader replicas (KIP-966). */
  readonly elr?: readonly NodeId[] | undefined;
  readonly leader?: NodeId | undefined;
  /** One that cannot be used from here on. */
  readonly failed?: FailedReplica | undefined;
}

/** The storage of a replica failed in this life of its broker. */
export interface FailedReplica {
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
}

/** The topic, its partitions and its configs are gone at once. */
export interface RemoveTopicRecord {
  readonly type: 'removeTopic';
  readonly topicId: Uuid;
  /** The client's request that this record carries out. */
  readonly requestId?: Uuid | undefined;
}

/** One config of a resource; an undefined value takes it back to its default. */
export interface ConfigRecord {
  readonly type: 'config';
  readonly resourceType: 'topic' | 'broker';
  /** The topic's name or the broker's id as text; '' for the default of all brokers. */
  readonly resourceName: string;
  readonly name: string;
  readonly value?: string | undefined;
}

/** Producer ids below `nextProducerId` have been handed out, the last block to this broker. */
export interface ProducerIdsRecord {
  readonly type: 'producerIds';
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
  readonly nextProducerId: number;
}

/** Changes nothing but the offset. */
export interface NoOpRecord {
  readonly type: 'noOp';
}

export type MetadataRecord =
  | RegisterBrokerRecord
  | UnregisterBrokerRecord
  | BrokerChangeRecord
  | TopicRecord
  | PartitionRecord
  | PartitionChangeRecord
  | RemoveTopicRecord
  | ConfigRecord
  | ProducerIdsRecord
  | NoOpRecord;
