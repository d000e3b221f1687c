/**
 * The wire form of metadata records: one protobuf message with one field for each type of record. Field
 * numbers are permanent: never renumber or reuse one. This file must never give a record a meaning (see
 * replay.ts).
 */
import { assert, type Uuid } from '@millrace/base';
import { defineMessage, type MessageType, optional, repeated } from '@millrace/rpc';
import type { ListenerEndpoint, MetadataRecord } from './record-types.ts';

export const ListenerMessage = defineMessage('Listener', {
  name: [1, 'string'],
  host: [2, 'string'],
  port: [3, 'uint32'],
});

const RegisterBroker = defineMessage('RegisterBroker', {
  brokerId: [1, 'int32'],
  incarnationId: [2, 'string'],
  listeners: [3, repeated(ListenerMessage)],
  rack: [4, optional('string')],
  logDirs: [5, repeated('string')],
  sessionTimeoutMs: [6, optional('int32')],
});

const UnregisterBroker = defineMessage('UnregisterBroker', {
  brokerId: [1, 'int32'],
  brokerEpoch: [2, 'int64'],
});

const BrokerChange = defineMessage('BrokerChange', {
  brokerId: [1, 'int32'],
  brokerEpoch: [2, 'int64'],
  fenced: [3, optional('bool')],
  inControlledShutdown: [4, optional('bool')],
});

const Topic = defineMessage('Topic', {
  name: [1, 'string'],
  topicId: [2, 'string'],
});

/** For lists that may be empty: an absent list has another meaning. */
const NodeList = defineMessage('NodeList', { ids: [1, repeated('int32')] });

/**
 * PartitionChange uses number 8; 9 is reserved for the last known leader (KIP-966), 10 to 12 for reassignment
 * and directories.
 */
const Partition = defineMessage('Partition', {
  topicId: [1, 'string'],
  partition: [2, 'int32'],
  replicas: [3, repeated('int32')],
  isr: [4, repeated('int32')],
  leader: [5, 'int32'],
  leaderEpoch: [6, 'int32'],
  partitionEpoch: [7, 'int32'],
  requestId: [13, optional('string')],
});

const FailedReplica = defineMessage('FailedReplica', {
  brokerId: [1, 'int32'],
  brokerEpoch: [2, 'int64'],
});

/**
 * An empty isr means an unchanged one: an ISR is never empty. Numbers 5 to 7 and 9 to 13 are reserved as in
 * Partition.
 */
const PartitionChange = defineMessage('PartitionChange', {
  topicId: [1, 'string'],
  partition: [2, 'int32'],
  isr: [3, repeated('int32')],
  leader: [4, optional('int32')],
  elr: [8, optional(NodeList)],
  failed: [14, optional(FailedReplica)],
});

const RemoveTopic = defineMessage('RemoveTopic', {
  topicId: [1, 'string'],
  requestId: [2, optional('string')],
});

/** resourceType: 2 topic, 4 broker, as on Kafka's wire. */
const Config = defineMessage('Config', {
  resourceType: [1, 'int32'],
  resourceName: [2, 'string'],
  name: [3, 'string'],
  value: [4, optional('string')],
});

const ProducerIds = defineMessage('ProducerIds', {
  brokerId: [1, 'int32'],
  brokerEpoch: [2, 'int64'],
  nextProducerId: [3, 'int64'],
});

const NoOp = defineMessage('NoOp', {
  unused: [1, 'bool'],
});

/** Exactly one field is present. */
export const RecordMessage = defineMessage('MetadataRecord', {
  registerBroker: [1, optional(RegisterBroker)],
  unregisterBroker: [2, optional(UnregisterBroker)],
  brokerChange: [3, optional(BrokerChange)],
  topic: [4, optional(Topic)],
  partition: [5, optional(Partition)],
  partitionChange: [6, optional(PartitionChange)],
  removeTopic: [7, optional(RemoveTopic)],
  config: [8, optional(Config)],
  producerIds: [9, optional(ProducerIds)],
  noOp: [10, optional(NoOp)],
});

type Wire = MessageType<typeof RecordMessage>;

const RESOURCE_TOPIC = 2;
const RESOURCE_BROKER = 4;

const NOTHING: Wire = {
  registerBroker: undefined,
  unregisterBroker: undefined,
  brokerChange: undefined,
  topic: undefined,
  partition: undefined,
  partitionChange: undefined,
  removeTopic: undefined,
  config: undefined,
  producerIds: undefined,
  noOp: undefined,
};

export function encodeRecord(record: MetadataRecord): Uint8Array {
  return RecordMessage.encode(toWire(record));
}

function toWire(record: MetadataRecord): Wire {
  switch (record.type) {
    case 'registerBroker': {
      const { type, listeners, logDirs, rack, sessionTimeoutMs, ...rest } = record;
      return {
        ...NOTHING,
        [type]: { ...rest, rack, sessionTimeoutMs, listeners: [...listeners], logDirs: [...logDirs] },
      };
    }
    case 'unregisterBroker':
      return { ...NOTHING, unregisterBroker: record };
    case 'brokerChange': {
      const { fenced, inControlledShutdown } = record;
      return { ...NOTHING, brokerChange: { ...record, fenced, inControlledShutdown } };
    }
    case 'topic':
      return { ...NOTHING, topic: record };
    case 'partition':
      return {
        ...NOTHING,
        partition: {
          ...record,
          replicas: [...record.replicas],
          isr: [...record.isr],
          requestId: record.requestId,
        },
      };
    case 'partitionChange':
      return {
        ...NOTHING,
        partitionChange: {
          ...record,
          isr: [...(record.isr ?? [])],
          leader: record.leader,
          elr: record.elr === undefined ? undefined : { ids: [...record.elr] },
          failed: record.failed,
        },
      };
    case 'removeTopic':
      return { ...NOTHING, removeTopic: { ...record, requestId: record.requestId } };
    case 'config': {
      const resourceType = record.resourceType === 'topic' ? RESOURCE_TOPIC : RESOURCE_BROKER;
      return { ...NOTHING, config: { ...record, resourceType, value: record.value } };
    }
    case 'producerIds':
      return { ...NOTHING, producerIds: record };
    case 'noOp':
      return { ...NOTHING, noOp: { unused: false } };
  }
}

/**
 * Throws if the bytes are not a record, or have a newer format: a node must not skip a record that it does
 * not understand.
 */
export function decodeRecord(bytes: Uint8Array): MetadataRecord {
  const wire = RecordMessage.decode(bytes);
  if (wire.partitionChange !== undefined) {
    const { isr, elr, ...rest } = wire.partitionChange;
    return {
      type: 'partitionChange',
      ...rest,
      topicId: rest.topicId as Uuid,
      ...(isr.length === 0 ? {} : { isr }),
      ...(elr === undefined ? {} : { elr: elr.ids }),
    };
  }
  if (wire.partition !== undefined) {
    const { requestId, ...rest } = wire.partition;
    return { type: 'partition', ...rest, topicId: rest.topicId as Uuid, ...ofRequest(requestId) };
  }
  if (wire.brokerChange !== undefined) return { type: 'brokerChange', ...wire.brokerChange };
  if (wire.topic !== undefined) {
    return { type: 'topic', name: wire.topic.name, topicId: wire.topic.topicId as Uuid };
  }
  return decodeRare(wire);
}

function ofRequest(requestId: string | undefined): { readonly requestId?: Uuid } {
  return requestId === undefined ? {} : { requestId: requestId as Uuid };
}

function decodeRare(wire: Wire): MetadataRecord {
  if (wire.config !== undefined) {
    const { resourceType } = wire.config;
    assert(
      resourceType === RESOURCE_TOPIC || resourceType === RESOURCE_BROKER,
      'config record of a known kind',
    );
    return {
      type: 'config',
      ...wire.config,
      resourceType: resourceType === RESOURCE_TOPIC ? 'topic' : 'broker',
    };
  }
  if (wire.registerBroker !== undefined) {
    const { incarnationId, listeners, logDirs, ...rest } = wire.registerBroker;
    return {
      type: 'registerBroker',
      ...rest,
      incarnationId: incarnationId as Uuid,
      listeners: listeners as ListenerEndpoint[],
      logDirs: logDirs as Uuid[],
    };
  }
  if (wire.removeTopic !== undefined) {
    const { topicId, requestId } = wire.removeTopic;
    return { type: 'removeTopic', topicId: topicId as Uuid, ...ofRequest(requestId) };
  }
  if (wire.unregisterBroker !== undefined) return { type: 'unregisterBroker', ...wire.unregisterBroker };
  if (wire.producerIds !== undefined) return { type: 'producerIds', ...wire.producerIds };
  assert(wire.noOp !== undefined, 'a metadata record of a type that this version knows');
  return { type: 'noOp' };
}
