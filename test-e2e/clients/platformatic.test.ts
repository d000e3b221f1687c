/**
 * @platformatic/kafka reads topics in groups. This test reads without a group, with the public
 * Consumer.fetch.
 */
import { Admin, ConfigResourceTypes, Consumer, type MessageToProduce, Producer } from '@platformatic/kafka';
import { describe, expect, inject, test } from 'vitest';
import type { ReadRecord, TestRecord } from '../lib/records.ts';
import { CONFIGS, type Described, expectDescribed } from './described.ts';
import {
  expectCodecs,
  expectCorpus,
  PARTITIONS,
  type Stage,
  stagesOf,
  theCorpus,
  topicOf,
} from './round-trip.ts';

const TOPIC = topicOf('platformatic');
const RECORDS_A_SEND = 2500;
const FETCH_BYTES = 4 << 20;
type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
type FetchedBatch = NonNullable<
  Awaited<ReturnType<Consumer['fetch']>>['responses'][number]['partitions'][number]['records']
>[number];

function connection() {
  return { clientId: 'test-e2e', bootstrapBrokers: inject('bootstrapServers').split(','), strict: true };
}

describe('@platformatic/kafka', () => {
  test('the client reads back 100,000 equal records with every codec, lists all topics, and describes its own topic', async () => {
    const admin = new Admin(connection());
    const configs = Object.entries(CONFIGS).map(([name, value]) => ({ name, value }));
    await admin.createTopics({ topics: [TOPIC], partitions: PARTITIONS, replicas: 3, configs });
    const stages = stagesOf('gzip', 'snappy', 'lz4', 'zstd');
    for (const stage of stages) await write(stage);
    const consumer = new Consumer({ ...connection(), groupId: 'never-joined' });
    const partitions: ReadRecord[][] = [];
    for (let partition = 0; partition < PARTITIONS; partition++)
      partitions.push(await read(consumer, partition));
    await consumer.close();
    expectCorpus({ partitions });
    await expectCodecs(TOPIC, stages);
    await expectDescribed(TOPIC, await describeAll(admin));
    await admin.close();
  });
});

async function describeAll(admin: Admin): Promise<Described> {
  const topics = await admin.listTopics({});
  const metadata = await admin.metadata({ topics: [TOPIC] });
  const partitions = metadata.topics.get(TOPIC)?.partitions ?? [];
  const resource = {
    resourceType: ConfigResourceTypes.TOPIC,
    resourceName: TOPIC,
    configurationKeys: Object.keys(CONFIGS),
  };
  const described = await admin.describeConfigs({ resources: [resource] });
  const entries = described.flatMap(({ configs }) => configs);
  return {
    topics,
    brokers: [...metadata.brokers.keys()],
    partitions: partitions.map(({ leader, replicas, isr }, partition) => ({
      partition,
      leader,
      replicas,
      isr,
    })),
    configs: Object.fromEntries(entries.map(({ name, value }) => [name, value ?? ''])),
  };
}

async function write({ codec, from, to }: Stage): Promise<void> {
  const compression = codec as Codec;
  const producer = new Producer({ ...connection(), idempotent: true, acks: -1, compression });
  for (let at = from; at < to; at += RECORDS_A_SEND) {
    await producer.send({
      messages: theCorpus()
        .slice(at, Math.min(to, at + RECORDS_A_SEND))
        .map(asMessage),
    });
  }
  await producer.close();
}

function asMessage({ key, value, headers, timestamp }: TestRecord): MessageToProduce {
  return {
    topic: TOPIC,
    key: key!,
    // The library's types do not allow null, but its code does.
    value: value as Buffer,
    headers: new Map(headers.map((header) => [Buffer.from(header.name), header.value as Buffer])),
    timestamp: BigInt(timestamp),
  };
}

async function read(consumer: Consumer, partition: number): Promise<ReadRecord[]> {
  const metadata = await consumer.metadata({ topics: [TOPIC] });
  const { id: topicId, partitions } = metadata.topics.get(TOPIC)!;
  const ends = await consumer.listOffsets({ topics: [TOPIC], partitions: { [TOPIC]: [partition] } });
  const end = Number(ends.get(TOPIC)?.[partition]);
  expect(end).toBeGreaterThan(0);
  const records: ReadRecord[] = [];
  while (records.length < end) {
    const wanted = {
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: BigInt(records.length),
      lastFetchedEpoch: -1,
      partitionMaxBytes: FETCH_BYTES,
    };
    const node = partitions[partition]!.leader;
    const answer = await consumer.fetch({
      node,
      topics: [{ topicId, partitions: [wanted] }],
      maxWaitTime: 5000,
    });
    const batches = answer.responses[0]?.partitions[0]?.records ?? [];
    const fresh = batches.flatMap(recordsOf).filter(({ offset }) => offset >= records.length);
    expect(fresh.length, `records from ${records.length} on`).toBeGreaterThan(0);
    records.push(...fresh);
  }
  return records;
}

function recordsOf(batch: FetchedBatch): ReadRecord[] {
  return batch.records.map((record) => ({
    offset: Number(batch.firstOffset) + record.offsetDelta,
    timestamp: Number(batch.firstTimestamp + record.timestampDelta),
    key: record.key,
    value: record.value,
    headers: record.headers.map(([name, value]) => ({ name: name?.toString('utf8') ?? '', value })),
  }));
}
