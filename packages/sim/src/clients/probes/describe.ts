/** Requests about the cluster, valid and invalid ones, and InitProducerId with unsupported fields. */
import { ZERO_UUID } from '@millrace/base';
import { apis, ErrorCode } from '@millrace/protocol';
import { CONTROLLER_TROUBLES, NO_TROUBLES, PARTITION_TROUBLES, type Probe, UNKNOWN_TOPIC } from './probe.ts';

const BAD_NAME = 'no/such name';
const TOPIC = 2;
const BROKER = 4;
const UNKNOWN_TYPE = 77;

function probe(name: string, expected: ErrorCode, troubles: readonly ErrorCode[], ask: Probe['ask']): Probe {
  return { name, expected: [expected], troubles, ask };
}

function metadata(name: string, code: ErrorCode, topic: string): Probe {
  return probe(`metadata-${name}`, code, NO_TROUBLES, ({ leader }, answered) =>
    leader.request(
      apis.metadata,
      9,
      { topics: [{ name: topic }], allowAutoTopicCreation: false },
      (response) => answered(response?.topics[0]?.errorCode),
    ),
  );
}

function configs(name: string, code: ErrorCode, resourceType: number, resourceName: string): Probe {
  return probe(`describe-configs-${name}`, code, NO_TROUBLES, ({ leader }, answered) =>
    leader.request(
      apis.describeConfigs,
      4,
      {
        resources: [{ resourceType, resourceName, configurationKeys: null }],
        includeSynonyms: true,
        includeDocumentation: false,
      },
      (response) => answered(response?.results[0]?.errorCode),
    ),
  );
}

function cluster(name: string, code: ErrorCode, version: number, endpointType: number): Probe {
  return probe(`describe-cluster-${name}`, code, NO_TROUBLES, ({ leader }, answered) =>
    leader.request(
      apis.describeCluster,
      version,
      { includeClusterAuthorizedOperations: true, endpointType, includeFencedBrokers: version >= 2 },
      (response) => answered(response?.errorCode),
    ),
  );
}

function quorum(name: string, code: ErrorCode, topicName: string): Probe {
  return probe(`describe-quorum-${name}`, code, CONTROLLER_TROUBLES, ({ leader }, answered) =>
    leader.request(
      apis.describeQuorum,
      2,
      { topics: [{ topicName, partitions: [{ partitionIndex: 0 }] }] },
      (response) => answered(response?.topics[0]?.partitions[0]?.errorCode ?? response?.errorCode),
    ),
  );
}

function topicPages(
  name: string,
  code: ErrorCode,
  troubles: readonly ErrorCode[],
  topic: string | undefined,
  cursor: { readonly topicName: string; readonly partitionIndex: number } | null = null,
): Probe {
  return probe(`describe-topic-partitions-${name}`, code, troubles, ({ leader, topic: own }, answered) =>
    leader.request(
      apis.describeTopicPartitions,
      0,
      { topics: [{ name: topic ?? own.name }], responsePartitionLimit: 1, cursor },
      (response) => answered(response?.topics[0]?.errorCode),
    ),
  );
}

function producerId(
  name: string,
  code: ErrorCode,
  wanted: { transactionalId: string | null; producerId?: number },
): Probe {
  return probe(
    `init-producer-id-${name}`,
    code,
    [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS],
    ({ leader }, answered) =>
      leader.request(apis.initProducerId, 4, { transactionTimeoutMs: 60_000, ...wanted }, (response) =>
        answered(response?.errorCode),
      ),
  );
}

export const describeProbes: readonly Probe[] = [
  metadata('unknown-topic', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC),
  metadata('bad-name', ErrorCode.INVALID_TOPIC_EXCEPTION, BAD_NAME),
  probe('metadata-unknown-id', ErrorCode.UNKNOWN_TOPIC_ID, NO_TROUBLES, ({ env, leader }, answered) =>
    leader.request(
      apis.metadata,
      12,
      { topics: [{ name: null, topicId: env.random.uuid() }], allowAutoTopicCreation: false },
      (response) => answered(response?.topics[0]?.errorCode),
    ),
  ),
  probe('metadata-id-too-early', ErrorCode.INVALID_REQUEST, NO_TROUBLES, ({ leader, topic }, answered) =>
    leader.request(
      apis.metadata,
      10,
      { topics: [{ name: topic.name, topicId: topic.topicId }], allowAutoTopicCreation: false },
      (response) => answered(response?.topics[0]?.errorCode),
    ),
  ),
  probe('metadata-no-id-no-name', ErrorCode.INVALID_TOPIC_EXCEPTION, NO_TROUBLES, ({ leader }, answered) =>
    leader.request(
      apis.metadata,
      12,
      { topics: [{ name: '', topicId: ZERO_UUID }], allowAutoTopicCreation: false },
      (response) => answered(response?.topics[0]?.errorCode),
    ),
  ),
  configs('unknown-topic', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, TOPIC, UNKNOWN_TOPIC),
  configs('bad-name', ErrorCode.INVALID_TOPIC_EXCEPTION, TOPIC, BAD_NAME),
  configs('other-broker', ErrorCode.INVALID_REQUEST, BROKER, '999'),
  configs('unknown-type', ErrorCode.INVALID_REQUEST, UNKNOWN_TYPE, 'x'),
  configs('all-brokers', ErrorCode.NONE, BROKER, ''),
  cluster('of-brokers', ErrorCode.NONE, 2, 1),
  cluster('of-controllers', ErrorCode.MISMATCHED_ENDPOINT_TYPE, 1, 2),
  cluster('of-nobody', ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, 1, 7),
  quorum('right', ErrorCode.NONE, '__cluster_metadata'),
  quorum('of-a-topic', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC),
  topicPages('own', ErrorCode.NONE, PARTITION_TROUBLES, undefined),
  topicPages('unknown', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, NO_TROUBLES, UNKNOWN_TOPIC),
  topicPages('bad-name', ErrorCode.INVALID_TOPIC_EXCEPTION, NO_TROUBLES, BAD_NAME),
  topicPages('bad-cursor', ErrorCode.INVALID_REQUEST, NO_TROUBLES, undefined, {
    topicName: UNKNOWN_TOPIC,
    partitionIndex: 0,
  }),
  topicPages('negative-cursor', ErrorCode.INVALID_REQUEST, NO_TROUBLES, UNKNOWN_TOPIC, {
    topicName: UNKNOWN_TOPIC,
    partitionIndex: -1,
  }),
  producerId('no-transactions', ErrorCode.UNSUPPORTED_VERSION, { transactionalId: 'probe' }),
  producerId('empty-transactional-id', ErrorCode.INVALID_REQUEST, { transactionalId: '' }),
  producerId('id-without-epoch', ErrorCode.INVALID_REQUEST, { transactionalId: null, producerId: 5 }),
];
