/**
 * kafkajs has only the codec gzip; other codecs are plug-ins of other authors. It cannot write headers
 * without a value. kafkajs's public consumer reads only in groups, and this test must read without a group.
 * So it reads through kafkajs's internal broker object, which uses kafkajs's own connection, requests and
 * decoding.
 */
import { type Admin, CompressionTypes, ConfigResourceTypes, Kafka, logLevel, Partitioners } from 'kafkajs';
import { describe, expect, inject, test } from 'vitest';
import type { ReadRecord, TestHeader } from '../lib/records.ts';
import { CONFIGS, type Described, expectDescribed } from './described.ts';
import {
  expectCodecs,
  expectCorpus,
  PARTITIONS,
  type Stage,
  stagesOf,
  theCorpus,
  topicOf,
  withoutNullHeaders,
} from './round-trip.ts';

const TOPIC = topicOf('kafkajs');
const RECORDS_A_SEND = 5000;
const compressions: Record<string, CompressionTypes> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
};

describe('kafkajs', () => {
  test('the client reads back 100,000 equal records, plain and with gzip, lists all topics, and describes its own topic', async () => {
    const kafka = new Kafka({ brokers: inject('bootstrapServers').split(','), logLevel: logLevel.ERROR });
    const admin = kafka.admin();
    await admin.connect();
    const configEntries = Object.entries(CONFIGS).map(([name, value]) => ({ name, value }));
    await admin.createTopics({
      topics: [{ topic: TOPIC, numPartitions: PARTITIONS, replicationFactor: 3, configEntries }],
    });
    const stages = stagesOf('none', 'gzip');
    for (const stage of stages) await write(kafka, stage);
    const ends = new Map((await admin.fetchTopicOffsets(TOPIC)).map((p) => [p.partition, Number(p.high)]));
    await expectDescribed(TOPIC, await describeAll(admin));
    await admin.disconnect();
    expect(ends.size).toBe(PARTITIONS);
    const partitions = await readPartitions(kafka, ends);
    expectCorpus({ partitions, expected: withoutNullHeaders });
    await expectCodecs(TOPIC, stages);
  });
});

async function write(kafka: Kafka, { codec, from, to }: Stage): Promise<void> {
  const producer = kafka.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  for (let at = from; at < to; at += RECORDS_A_SEND) {
    const records = theCorpus()
      .slice(at, Math.min(to, at + RECORDS_A_SEND))
      .map(withoutNullHeaders);
    const messages = records.map(({ key, value, headers, timestamp }) => ({
      key,
      value,
      headers: headersObject(headers),
      timestamp: String(timestamp),
    }));
    await producer.send({ topic: TOPIC, compression: compressions[codec]!, messages });
  }
  await producer.disconnect();
}

async function describeAll(admin: Admin): Promise<Described> {
  const topics = await admin.listTopics();
  const { brokers } = await admin.describeCluster();
  const metadata = await admin.fetchTopicMetadata({ topics: [TOPIC] });
  const partitions = metadata.topics.flatMap((topic) => topic.partitions);
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: TOPIC, configNames: Object.keys(CONFIGS) }],
  });
  const entries = resources.flatMap((resource) => resource.configEntries);
  return {
    topics,
    brokers: brokers.map(({ nodeId }) => nodeId),
    partitions: partitions.map(({ partitionId, leader, replicas, isr }) => ({
      partition: partitionId,
      leader,
      replicas,
      isr,
    })),
    configs: Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue])),
  };
}

/** One entry for each name; if a name occurs twice, its entry is a list. */
function headersObject(headers: readonly TestHeader[]): Record<string, Buffer | Buffer[]> {
  const object: Record<string, Buffer | Buffer[]> = {};
  for (const { name, value } of headers) {
    const before = object[name];
    object[name] = before === undefined ? value! : [before, value!].flat();
  }
  return object;
}

/** The internals of kafkajs that this test uses. */
interface Insides {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>;
  findBroker(wanted: { nodeId: string }): Promise<{ fetch(request: object): Promise<FetchAnswer> }>;
}
interface FetchAnswer {
  responses: { partitions: { messages: Message[] }[] }[];
}
interface Message {
  offset: string;
  timestamp: string;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, Buffer | null | (Buffer | null)[]>;
}

/** Calls kafkajs's own method that creates its cluster object. The method's name is a symbol. */
function insidesOf(kafka: Kafka): Insides {
  const symbols = Object.getOwnPropertySymbols(kafka);
  const create = symbols.find((symbol) => symbol.description === 'private:Kafka:createCluster');
  if (create === undefined) throw new Error('kafkajs has changed inside');
  const methods = kafka as unknown as Record<symbol, (options: object) => Insides>;
  return methods[create]!({ metadataMaxAge: 300_000, allowAutoTopicCreation: false });
}

async function readPartitions(kafka: Kafka, ends: ReadonlyMap<number, number>): Promise<ReadRecord[][]> {
  const cluster = insidesOf(kafka);
  await cluster.connect();
  await cluster.addTargetTopic(TOPIC);
  const partitions: ReadRecord[][] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(TOPIC, [partition]));
    const broker = await cluster.findBroker({ nodeId: nodeId! });
    const records: ReadRecord[] = [];
    while (records.length < (ends.get(partition) ?? 0)) {
      const wanted = { partition, fetchOffset: String(records.length), maxBytes: 4 << 20 };
      const answer = await broker.fetch({
        topics: [{ topic: TOPIC, partitions: [wanted] }],
        isolationLevel: 1,
        maxWaitTime: 5000,
      });
      const messages = answer.responses[0]?.partitions[0]?.messages ?? [];
      // A fetch returns whole batches, so the first batch may contain records before the requested offset.
      const fresh = messages.filter(({ offset }) => Number(offset) >= records.length);
      expect(fresh.length, `records from ${records.length} on`).toBeGreaterThan(0);
      records.push(...fresh.map(asRecord));
    }
    partitions.push(records);
  }
  await cluster.disconnect();
  return partitions;
}

function asRecord({ offset, timestamp, key, value, headers }: Message): ReadRecord {
  const list = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((one) => ({ name, value: one })),
  );
  return { offset: Number(offset), timestamp: Number(timestamp), key, value, headers: list };
}
