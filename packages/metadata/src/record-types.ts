/**
 * The metadata records: their replay, in the order of the metadata log, gives the whole state of the cluster.
 * Types only; the wire form is in records.ts. The meaning of a record must never depend on its writer or
 * time.
 */
import type { BrokerEpoch, LeaderEpoch, Millis, NodeId, Uuid } from '@millrace/base';

/** One advertised listener of a broker. */
export interface ListenerEndpoint {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** Registers a broker process. The broker epoch is the offset of this record. The broker starts fenced. */
export interface RegisterBrokerRecord {
  readonly type: 'registerBroker';
  readonly brokerId: NodeId;
  /** A random id of each start of the process: distinguishes a retry from a restart. */
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

/** Changes the state of a registered broker; undefined fields stay as they are. */
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
  /** The client's request for more partitions; only the first of its records has it. */
  readonly requestId?: Uuid | undefined;
}

/**
 * Changes a partition; undefined fields stay as they are. The partition epoch grows by one with every such
 * record, the leader epoch by one if `leader` is given (also if it names the same leader).
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
  /** A replica whose storage failed. */
  readonly failed?: FailedReplica | undefined;
}

/** A replica whose storage failed under this broker epoch. */
export interface FailedReplica {
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
}

/** Removes the topic, its partitions and its configs at once. */
export interface RemoveTopicRecord {
  readonly type: 'removeTopic';
  readonly topicId: Uuid;
  /** The client's request that this record carries out. */
  readonly requestId?: Uuid | undefined;
}

/** Sets one config of a resource; an undefined value resets it to its default. */
export interface ConfigRecord {
  readonly type: 'config';
  readonly resourceType: 'topic' | 'broker';
  /** The topic's name or the broker's id as text; '' for the default of all brokers. */
  readonly resourceName: string;
  readonly name: string;
  readonly value?: string | undefined;
}

/** The controller has given out the producer ids below `nextProducerId`, the last block to this broker. */
export interface ProducerIdsRecord {
  readonly type: 'producerIds';
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
  readonly nextProducerId: number;
}

/** Changes only the offset. */
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
