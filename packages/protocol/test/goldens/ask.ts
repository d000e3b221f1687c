/**
 * Sends requests to a real broker in every version of the APIs below, so that record.ts can also record
 * versions that no real client sends:
 *
 *     node ask.ts PORT        (PORT of record.ts, started with the client name 'Millrace itself, …')
 */
import { connect } from 'node:net';
import {
  type AnyApi,
  type Api,
  apis,
  buildBatch,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameReader,
} from '@millrace/protocol';

const port = Number(process.argv[2]);
const TOPIC = 'millrace-golden';
const socket = connect(port, '127.0.0.1');
const reader = new FrameReader(1 << 30);
const answers: ((frame: Uint8Array) => void)[] = [];
socket.on('data', (chunk) => {
  reader.push(chunk as Uint8Array);
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) answers.shift()!(frame);
});
socket.on('close', () => process.exit());

let correlationId = 0;
async function ask<Req, Res, ReqIn, ResIn>(
  api: Api<Req, Res, ReqIn, ResIn>,
  version: number,
  value: ReqIn,
): Promise<Res> {
  const frame = encodeRequestFrame(api, version, ++correlationId, 'millrace', value);
  socket.write(Buffer.concat(frame));
  const answer = await new Promise<Uint8Array>((resolve) => answers.push(resolve));
  return api.decodeResponse(
    version,
    answer,
    decodeResponseHeader(api as AnyApi, version, answer).bodyPosition,
  );
}

/** Every version of an API, each with a request that makes sense in it. */
async function all<Req, Res, ReqIn, ResIn>(
  api: Api<Req, Res, ReqIn, ResIn>,
  request: (version: number) => ReqIn,
): Promise<void> {
  for (let version = api.minVersion; version <= api.maxVersion; version++)
    await ask(api, version, request(version));
}

const timeoutMs = 10_000;
await all(apis.apiVersions, () => ({ clientSoftwareName: 'millrace', clientSoftwareVersion: '1' }));
await all(apis.createTopics, (version) => ({
  timeoutMs,
  topics: [
    {
      name: version === 2 ? TOPIC : `${TOPIC}-${version}`,
      numPartitions: 2,
      replicationFactor: 1,
      configs: [{ name: 'retention.ms', value: '3600000' }],
    },
    { name: 'not a name', numPartitions: 1, replicationFactor: 1 },
  ],
}));
await all(apis.createPartitions, (version) => ({
  timeoutMs,
  topics: [{ name: TOPIC, count: 3 + version, assignments: version === 2 ? [{ brokerIds: [1] }] : null }],
}));
await new Promise((resolve) => setTimeout(resolve, 1000));
const described = await ask(apis.metadata, 12, { topics: [{ name: TOPIC }] });
const { topicId } = described.topics[0]!;

const records = buildBatch({
  records: [{ key: Buffer.from('k'), value: Buffer.from('v'), headers: [{ key: 'h', value: null }] }],
  baseTimestamp: 1_700_000_000_000,
});
await all(apis.initProducerId, () => ({ transactionalId: null, transactionTimeoutMs: 60_000 }));
await all(apis.produce, () => ({
  acks: -1,
  timeoutMs,
  topicData: [
    {
      name: TOPIC,
      topicId,
      partitionData: [
        { index: 0, records },
        { index: 77, records },
      ],
    },
  ],
}));
await all(apis.metadata, () => ({ topics: [{ name: TOPIC }], allowAutoTopicCreation: false }));
await all(apis.fetch, (version) => ({
  maxWaitMs: 100,
  minBytes: 1,
  maxBytes: 1 << 20,
  topics: [
    {
      topic: TOPIC,
      topicId,
      partitions: [
        { partition: 0, fetchOffset: 1, partitionMaxBytes: 300, currentLeaderEpoch: version < 9 ? -1 : 0 },
        { partition: 1, fetchOffset: 99, partitionMaxBytes: 300 },
      ],
    },
  ],
}));
await all(apis.listOffsets, () => ({
  replicaId: -1,
  timeoutMs,
  topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, timestamp: -1 }, { partitionIndex: 99 }] }],
}));
await all(apis.deleteRecords, (version) => ({
  timeoutMs,
  topics: [
    {
      name: TOPIC,
      partitions: [
        { partitionIndex: 0, offset: version === 2 ? -1 : version + 1 },
        { partitionIndex: 1, offset: 5 },
        { partitionIndex: 77, offset: 0 },
      ],
    },
    { name: 'none-such', partitions: [{ partitionIndex: 0, offset: 0 }] },
  ],
}));
await all(apis.offsetForLeaderEpoch, () => ({
  replicaId: -1,
  topics: [
    {
      topic: TOPIC,
      partitions: [
        { partition: 0, leaderEpoch: 0 },
        { partition: 0, leaderEpoch: 5 },
      ],
    },
  ],
}));
await all(apis.describeConfigs, () => ({
  includeSynonyms: true,
  resources: [
    { resourceType: 2, resourceName: TOPIC, configurationKeys: ['retention.ms', 'cleanup.policy'] },
  ],
}));
await all(apis.describeLogDirs, () => ({
  topics: [
    { topic: TOPIC, partitions: [0, 1, 77] },
    { topic: 'none-such', partitions: [0] },
  ],
}));
await all(apis.incrementalAlterConfigs, () => ({
  resources: [
    {
      resourceType: 2,
      resourceName: TOPIC,
      configs: [
        { name: 'retention.ms', configOperation: 0, value: '7200000' },
        { name: 'segment.ms', configOperation: 1, value: null },
        { name: 'cleanup.policy', configOperation: 2, value: 'compact' },
      ],
    },
    { resourceType: 2, resourceName: 'none-such', configs: [] },
  ],
}));
await all(apis.alterConfigs, (version) => ({
  validateOnly: version === 0,
  resources: [
    { resourceType: 2, resourceName: TOPIC, configs: [{ name: 'retention.ms', value: '3600000' }] },
    { resourceType: 2, resourceName: TOPIC + '-3', configs: [{ name: 'retention.ms', value: null }] },
  ],
}));
await all(apis.listConfigResources, () => ({ resourceTypes: [2, 4, 32] }));
await all(apis.describeCluster, () => ({ includeClusterAuthorizedOperations: true }));
await all(apis.describeQuorum, () => ({
  topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
}));
await all(apis.describeTopicPartitions, () => ({
  responsePartitionLimit: 2,
  topics: [{ name: TOPIC }],
  cursor: { topicName: TOPIC, partitionIndex: 1 },
}));
await all(apis.deleteTopics, (version) => ({
  timeoutMs,
  topicNames: [`${TOPIC}-${version + 1}`, 'none-such'],
  topics: [{ name: null, topicId }, { name: 'none-such' }],
}));
socket.end();
