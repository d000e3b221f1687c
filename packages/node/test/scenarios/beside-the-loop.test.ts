/**
 * Goal: a batch that is costly to check does not delay other clients. Method: a real broker with real
 * workers. One client sends millions of tiny records in one compressed batch, and another one sends requests
 * meanwhile.
 */
import { gzipSync } from 'node:zlib';
import { apis, batchAttributes, Compression, ErrorCode, writeBatchHeader } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningCluster, startCluster } from '../../src/index.ts';
import { eventually, TestClient } from '../support/client.ts';

const MILLIONS = 3_000_000;
const NOW = Date.now();
let cluster: RunningCluster;
const open: TestClient[] = [];

beforeAll(async () => {
  cluster = await startCluster({ brokers: 1 });
}, 20_000);

afterAll(async () => {
  for (const client of open) client.close();
  await cluster.stop();
}, 20_000);

async function connect(): Promise<TestClient> {
  const client = await TestClient.connect(cluster.nodes.find(({ role }) => role === 'broker')!.port!);
  open.push(client);
  return client;
}

/** Waits until the broker knows that it leads the topic. */
async function leads(client: TestClient, topic: string): Promise<void> {
  await eventually(async () =>
    (await client.fetch(topic, 0, 0)).errorCode === ErrorCode.NONE ? true : undefined,
  );
}

/** Records without key and value, with ascending offset deltas. */
function tinyRecords(count: number): Uint8Array {
  const bytes = new Uint8Array(count * 10);
  let at = 0;
  for (let index = 0; index < count; index++) {
    let rest = index * 2;
    const sizeAt = at++;
    bytes[at++] = 0;
    bytes[at++] = 0;
    for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
    bytes[at++] = 1;
    bytes[at++] = 1;
    bytes[at++] = 0;
    bytes[sizeAt] = (at - sizeAt - 1) * 2;
  }
  return bytes.subarray(0, at);
}

function batchOf(section: Uint8Array, count: number, compression: Compression): Uint8Array {
  const batch = new Uint8Array(61 + section.length);
  batch.set(section, 61);
  writeBatchHeader(batch, {
    baseOffset: 0,
    leaderEpoch: -1,
    attributes: batchAttributes({ compression }),
    lastOffsetDelta: count - 1,
    baseTimestamp: NOW,
    maxTimestamp: NOW,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    recordCount: count,
  });
  return batch;
}

const produceOf = (topic: string, records: Uint8Array) => ({
  acks: 1,
  timeoutMs: 30_000,
  topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
});

test('the broker answers other clients while it checks a batch of millions of records, and finds a record in it', async () => {
  const [one, other] = [await connect(), await connect()];
  await one.createTopic('tiny', 1, 1, { 'max.message.bytes': '20000000' });
  await leads(one, 'tiny');
  const batch = batchOf(gzipSync(tinyRecords(MILLIONS), { level: 1 }), MILLIONS, Compression.GZIP);
  const order: string[] = [];
  const produced = one.call(apis.produce, 9, produceOf('tiny', batch)).then((answer) => {
    order.push('produced');
    return answer.responses[0]!.partitionResponses[0]!;
  });
  for (let i = 0; i < 3; i++) await other.metadata('tiny').then(() => order.push('other'));
  expect(await produced).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 0 });
  expect(order).toEqual(['other', 'other', 'other', 'produced']);

  // For timestamp -3 (the record with the largest timestamp), the broker must decompress the whole batch.
  const looked = one
    .call(apis.listOffsets, 7, {
      replicaId: -1,
      topics: [{ name: 'tiny', partitions: [{ partitionIndex: 0, timestamp: -3 }] }],
    })
    .then((answer) => answer.topics[0]!.partitions[0]!);
  expect(await looked).toMatchObject({ errorCode: ErrorCode.NONE, offset: 0 });
});

test('a topic with its own compression.type: consumers read the records of every producer codec', async () => {
  const client = await connect();
  for (const type of ['zstd', 'gzip', 'lz4', 'snappy', 'uncompressed']) {
    await client.createTopic(`as-${type}`, 1, 1, { 'compression.type': type });
    await leads(client, `as-${type}`);
    const plain = tinyRecords(50_000);
    for (const compression of Object.values(Compression)) {
      const batch = batchOf(compressionCodecs.compress(compression, plain), 50_000, compression);
      const answer = await client.call(apis.produce, 9, produceOf(`as-${type}`, batch));
      expect(answer.responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: ErrorCode.NONE });
    }
    const { highWatermark } = await client.fetch(`as-${type}`, 0, 0);
    expect(highWatermark).toBe(250_000);
  }
}, 60_000);
