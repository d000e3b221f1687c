/**
 * The table of all metadata records. Their replay, in the order of the metadata log, gives the whole state of
 * the cluster. An entry is `name: [number, fields]`; a field is `name: [number, kind]`. The types of the
 * records, the codec (records.ts) and the codec's checks follow from this table. replay.ts compiles only with
 * a replay function for every entry.
 *
 * A snapshot (snapshot.ts) holds the same kinds of records. There, a record describes the present state
 * instead of a change, so some fields and one record occur only in snapshots.
 *
 * Numbers, kinds and names of messages are permanent: never change or reuse one. The meaning of a record must
 * never depend on its writer or time.
 */
import {
  choice,
  defineList,
  defineMessage,
  type MessageType,
  optional,
  optionalNeverEmpty,
  repeated,
  unused,
} from '@millrace/rpc';

/** One advertised listener of a broker. */
export const ListenerMessage = defineMessage('Listener', {
  name: [1, 'string'],
  host: [2, 'string'],
  port: [3, 'uint32'],
});
export type ListenerEndpoint = MessageType<typeof ListenerMessage>;

/** A replica whose storage failed under this broker epoch. */
const FailedReplicaMessage = defineMessage('FailedReplica', {
  brokerId: [1, 'int32'],
  brokerEpoch: [2, 'int64'],
});
export type FailedReplica = MessageType<typeof FailedReplicaMessage>;

/** The kinds of resources that have configs, with the numbers of Kafka's protocol. */
const configResourceType = choice({ topic: 2, broker: 4, group: 32 });

const NodeList = defineList('NodeList', 'ids', 'int32');
const FailedReplicaList = defineList('FailedReplicaList', 'replicas', FailedReplicaMessage);

export const recordTable = {
  /** Registers a broker process. The broker epoch is the offset of this record. The broker starts fenced. */
  registerBroker: [
    1,
    {
      brokerId: [1, 'int32'],
      /** A random id of each start of the process: distinguishes a retry from a restart. */
      incarnationId: [2, 'uuid'],
      listeners: [3, repeated(ListenerMessage)],
      rack: [4, optional('string')],
      /** Directory ids (KIP-858) of the broker's log directories. */
      logDirs: [5, repeated('uuid')],
      /** The broker's own `broker.session.timeout.ms`. Records of older versions lack it. */
      sessionTimeoutMs: [6, optional('int32')],
      /** The broker's own `min.insync.replicas`. Records of older versions lack it. */
      minInsyncReplicas: [7, optional('int32')],
      /** Only in snapshots: the offset of the original registration record. */
      brokerEpoch: [8, optional('int64')],
      /** Only in snapshots; absent: true. */
      fenced: [9, optional('bool')],
      /** Only in snapshots; absent: false. */
      inControlledShutdown: [10, optional('bool')],
    },
  ],

  /** Removes the broker's registration. The broker may register again. */
  unregisterBroker: [2, { brokerId: [1, 'int32'], brokerEpoch: [2, 'int64'] }],

  /** Changes the state of a registered broker; undefined fields stay as they are. */
  brokerChange: [
    3,
    {
      brokerId: [1, 'int32'],
      brokerEpoch: [2, 'int64'],
      fenced: [3, optional('bool')],
      inControlledShutdown: [4, optional('bool')],
    },
  ],

  /** Creates a topic. Its partitions follow in the same batch. */
  topic: [4, { name: [1, 'string'], topicId: [2, 'uuid'] }],

  /**
   * A new partition. Partitions of a topic are numbered from 0 and created in that order. `partitionChange`
   * uses the field numbers 8 and 14, too. The numbers 10 to 12 are reserved for reassignment and directories.
   */
  partition: [
    5,
    {
      topicId: [1, 'uuid'],
      partition: [2, 'int32'],
      /** The replicas in the order of preference. */
      replicas: [3, repeated('int32')],
      /** Never empty. */
      isr: [4, repeated('int32')],
      /** A member of the ISR, or -1. */
      leader: [5, 'int32'],
      leaderEpoch: [6, 'int32'],
      partitionEpoch: [7, 'int32'],
      /**
       * Id of the client's request that added partitions. For each topic, only the record of the first new
       * partition has it.
       */
      requestId: [13, optional('uuid')],
      /** The remaining fields occur only in snapshots. Absent lists are empty. */
      elr: [8, optional(NodeList)],
      /** Absent: -1. */
      lastKnownLeader: [9, optional('int32')],
      failedReplicas: [15, optional(FailedReplicaList)],
      formerIsr: [16, optional(NodeList)],
    },
  ],

  /**
   * Changes a partition; undefined fields stay as they are. The partition epoch grows by one with every such
   * record. The leader epoch grows by one if `leader` is given, even if it names the same leader. The field
   * numbers 5 to 7, 9 to 13, 15 and 16 stay unused here, because `partition` uses or reserves them.
   */
  partitionChange: [
    6,
    {
      topicId: [1, 'uuid'],
      partition: [2, 'int32'],
      isr: [3, optionalNeverEmpty('int32')],
      leader: [4, optional('int32')],
      /** Eligible leader replicas (KIP-966). Empty: the partition has none now. */
      elr: [8, optional(NodeList)],
      failed: [14, optional(FailedReplicaMessage)],
    },
  ],

  /** Removes the topic, its partitions and its configs at once. */
  removeTopic: [
    7,
    {
      topicId: [1, 'uuid'],
      /** Id of the client's request that removed the topic. */
      requestId: [2, optional('uuid')],
    },
  ],

  /** Sets one config of a resource. An undefined value resets the config to its default. */
  config: [
    8,
    {
      resourceType: [1, configResourceType],
      /** The name of the topic or group, or the broker's id as text; '' for the default of all brokers. */
      resourceName: [2, 'string'],
      name: [3, 'string'],
      value: [4, optional('string')],
    },
  ],

  /** The controller has given out all producer ids below `nextProducerId`. This broker got the last block. */
  producerIds: [9, { brokerId: [1, 'int32'], brokerEpoch: [2, 'int64'], nextProducerId: [3, 'int64'] }],

  /** Changes only the image's offset and epoch. */
  noOp: [10, { unused: [1, unused] }],

  /**
   * A client's request altered the configs of a resource, perhaps without a change of a value. Its Config
   * records follow in the same batch.
   */
  alterConfigs: [
    11,
    {
      resourceType: [1, configResourceType],
      resourceName: [2, 'string'],
      /** Id of the client's request: a later copy of it changes nothing. */
      requestId: [3, 'uuid'],
    },
  ],

  /**
   * Only in snapshots: one entry of the memory of requests (families/topics/carried-out.ts). The entry says
   * that a topic was deleted, or which request deleted or extended it.
   */
  carriedOut: [
    12,
    {
      name: [1, 'string'],
      topicId: [2, 'uuid'],
      /** Absent: the entry says that the topic was deleted. */
      requestId: [3, optional('uuid')],
      /** True if the request named the topic by its id. */
      byId: [4, 'bool'],
    },
  ],
} as const;
