/**
 * Tests Kafka's own console tools for topics, producing, consuming and deleting records. They read records as
 * lines, so this test uses the plain form of the corpus (`plainForm`). The producer cannot set timestamps.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { plainForm } from '../lib/corpus.ts';
import type { ReadRecord, TestHeader, TestRecord } from '../lib/records.ts';
import { aliveBrokers, endOffsets } from '../lib/wire.ts';
import { CONFIGS, type Described, expectDescribed } from './described.ts';
import { KafkaTools } from './kafka-tools.ts';
import {
  expectCodecs,
  expectCorpus,
  isMissing,
  kafkaTool,
  PARTITIONS,
  stagesOf,
  theCorpus,
  topicOf,
} from './round-trip.ts';

const TOPIC = topicOf('console-tools');
const tools = new KafkaTools();
afterAll(() => tools.close());

/** Runs a tool that reads no standard input. Returns the lines of its output. */
async function tool(name: string, args: readonly string[]): Promise<string[]> {
  return await tools.call(`org.apache.kafka.tools.${name}`, args);
}

describe.skipIf(isMissing('java'))('console tools of Apache Kafka', () => {
  test('the tools read back 100,000 equal records with every codec, list all topics, and describe their own topic', async () => {
    await tool('TopicCommand', [
      '--create',
      '--topic',
      TOPIC,
      '--partitions',
      '3',
      '--replication-factor',
      '3',
      ...properties('--config', CONFIGS),
    ]);

    const stages = stagesOf('gzip', 'snappy', 'lz4', 'zstd');
    const started = Date.now();
    for (const { codec, from, to } of stages) {
      const parse = properties('--reader-property', { 'parse.key': 'true', 'parse.headers': 'true' });
      const lines = theCorpus().slice(from, to).map(asLine).join('');
      await kafkaTool('ConsoleProducer', ['--topic', TOPIC, '--compression-codec', codec, ...parse], lines);
    }
    const shown = {
      'print.key': 'true',
      'print.headers': 'true',
      'print.timestamp': 'true',
      'print.offset': 'true',
    };
    const ends = await endOffsets(inject('bootstrapServers'), TOPIC);
    const formatted = properties('--formatter-property', shown);
    const partitions = await Promise.all(
      Array.from({ length: PARTITIONS }, async (_, partition) => {
        const which = ['--topic', TOPIC, '--partition', String(partition), '--offset', 'earliest'];
        const limit = ['--max-messages', String(ends[partition])];
        const output = await kafkaTool('consumer.ConsoleConsumer', [...which, ...limit, ...formatted]);
        return output.toString('utf8').split('\n').slice(0, -1).map(parseLine);
      }),
    );
    expectCorpus({ partitions, expected: plainForm, writtenBetween: [started, Date.now()] });
    await expectCodecs(TOPIC, stages);
    await expectDescribed(TOPIC, await describeAll());
    await tool('TopicCommand', ['--delete', '--topic', TOPIC]);
    expect(await tool('TopicCommand', ['--list'])).not.toContain(TOPIC);
  });
});

describe.skipIf(isMissing('java'))('kafka-delete-records.sh', () => {
  test('the tool deletes records below an offset and up to the high watermark, and reports errors', async () => {
    const topic = topicOf('delete-records');
    const create = ['--create', '--topic', topic, '--partitions', '2', '--replication-factor', '3'];
    await tool('TopicCommand', create);
    const lines = Array.from({ length: 10 }, (_, i) => `value ${i}\n`).join('');
    const toPartition = properties('--producer-property', {
      'partitioner.class': 'org.apache.kafka.clients.producer.RoundRobinPartitioner',
      'batch.size': '1',
      'linger.ms': '0',
    });
    await kafkaTool('ConsoleProducer', ['--topic', topic, ...toPartition], lines);
    const ends = await endOffsets(inject('bootstrapServers'), topic);
    const folder = mkdtempSync(join(tmpdir(), 'millrace-delete-records-'));
    const file = join(folder, 'offsets.json');
    const remove = async (...offsets: [partition: number, offset: number][]) => {
      const partitions = offsets.map(([partition, offset]) => ({ topic, partition, offset }));
      writeFileSync(file, JSON.stringify({ version: 1, partitions }));
      return (await tool('DeleteRecordsCommand', ['--offset-json-file', file])).join('\n');
    };
    const starts = async () =>
      (await tool('GetOffsetShell', ['--topic', topic, '--time', 'earliest'])).sort();
    try {
      const output = await remove([0, 1], [1, -1]);
      expect(output).toMatch(new RegExp(`partition: ${topic}-0\\s+low_watermark: 1`));
      expect(output).toMatch(new RegExp(`partition: ${topic}-1\\s+low_watermark: ${ends[1]}`));
      expect(await starts()).toEqual([`${topic}:0:1`, `${topic}:1:${ends[1]}`]);
      expect(await remove([0, 1000])).toMatch(/partition: \S+-0\s+error: .*OffsetOutOfRange/);
      expect(await starts()).toEqual([`${topic}:0:1`, `${topic}:1:${ends[1]}`]);
    } finally {
      rmSync(folder, { recursive: true });
      await tool('TopicCommand', ['--delete', '--topic', topic]);
    }
  });
});

async function describeAll(): Promise<Described> {
  const topics = await tool('TopicCommand', ['--list']);
  const described = (await tool('TopicCommand', ['--describe', '--topic', TOPIC])).join('\n');
  expect(described).toMatch(/PartitionCount: 3\s+ReplicationFactor: 3/);
  const rows = described.matchAll(/Partition: (\d+)\s+Leader: (\d+)\s+Replicas: (\S+)\s+Isr: (\S+)/g);
  const configs = /Configs: (\S+)/.exec(described)?.[1]?.split(',') ?? [];
  return {
    topics,
    // No tool of this test shows the brokers, so this list comes from the cluster itself.
    brokers: [...(await aliveBrokers(inject('bootstrapServers'))).keys()],
    partitions: [...rows].map(([, partition, leader, replicas, isr]) => ({
      partition: Number(partition),
      leader: Number(leader),
      replicas: numbers(replicas),
      isr: numbers(isr),
    })),
    configs: Object.fromEntries(configs.map((config) => config.split('='))) as Record<string, string>,
  };
}

function numbers(list = ''): number[] {
  return list.split(',').map(Number);
}

function properties(option: string, values: Record<string, string>): string[] {
  return Object.entries(values).flatMap(([key, value]) => [option, `${key}=${value}`]);
}

function asLine(record: TestRecord): string {
  const { key, value, headers } = plainForm(record);
  return `${headers.map((header) => `${header.name}:${header.value}`).join(',')}\t${key}\t${value}\n`;
}

/** Parses "CreateTime:1763…", "Offset:7", headers, key, value, separated by tabs. */
function parseLine(line: string): ReadRecord {
  const [timestamp, offset, headers, key, ...value] = line.split('\t');
  return {
    offset: Number(offset?.replace('Offset:', '')),
    timestamp: Number(timestamp?.replace('CreateTime:', '')),
    key: Buffer.from(key ?? ''),
    value: Buffer.from(value.join('\t')),
    headers: (headers ?? '').split(',').map(parseHeader),
  };
}

function parseHeader(text: string): TestHeader {
  const colon = text.indexOf(':');
  return { name: text.slice(0, colon), value: Buffer.from(text.slice(colon + 1)) };
}
