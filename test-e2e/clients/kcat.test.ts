/**
 * kcat cannot set timestamps, and uses the same headers for all records of a run. So it writes the plain form
 * of the corpus: lines with a key and a value, and one fixed header. The format of its output includes
 * lengths, so the parser knows where each field ends.
 */
import { describe, expect, inject, test } from 'vitest';
import { millrace } from '../lib/cluster.ts';
import { plainForm } from '../lib/corpus.ts';
import type { ReadRecord, TestHeader, TestRecord } from '../lib/records.ts';
import { CONFIGS, type Described, expectDescribed } from './described.ts';
import {
  expectCodecs,
  expectCorpus,
  isMissing,
  PARTITIONS,
  runTool,
  stagesOf,
  theCorpus,
  topicOf,
} from './round-trip.ts';

const TOPIC = topicOf('kcat');
const HEADERS: readonly TestHeader[] = [{ name: 'source', value: Buffer.from('the blue book') }];
/** No text of the corpus contains these. */
const [KEY_END, RECORD_END] = ['\u0001', '\u0002'];

describe.skipIf(isMissing('kcat'))('kcat (librdkafka of Debian)', () => {
  test('the client reads back 100,000 equal records with every codec, lists all topics, and describes its own topic', async () => {
    const servers = inject('bootstrapServers');
    const stages = stagesOf('gzip', 'snappy', 'lz4', 'zstd');
    await millrace(
      'topic',
      'create',
      TOPIC,
      '--bootstrap-server',
      servers,
      '--partitions',
      '3',
      '--replication-factor',
      '3',
      ...Object.entries(CONFIGS).flatMap(([name, value]) => ['--config', `${name}=${value}`]),
    );
    const started = Date.now();
    for (const { codec, from, to } of stages) {
      const lines = theCorpus().slice(from, to).map(asLine).join('');
      const settings = ['-X', 'enable.idempotence=true', '-X', 'linger.ms=20', '-z', codec];
      const headers = HEADERS.flatMap(({ name, value }) => ['-H', `${name}=${value}`]);
      const delimiters = ['-K', KEY_END, '-D', RECORD_END];
      await runTool(
        'kcat',
        ['-P', '-b', servers, '-t', TOPIC, ...settings, ...headers, ...delimiters],
        lines,
      );
    }
    const partitions: ReadRecord[][] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const which = ['-t', TOPIC, '-p', String(partition), '-o', 'beginning'];
      const format = ['-f', '%o %T %K %S %h\n%k%s\n'];
      const { stdout } = await runTool('kcat', ['-C', '-b', servers, ...which, '-e', '-q', ...format]);
      partitions.push(parse(stdout));
    }
    expectCorpus({ partitions, expected: asWritten, writtenBetween: [started, Date.now()] });
    await expectCodecs(TOPIC, stages);
    expect(partitions.flat()).toHaveLength(theCorpus().length);
    await expectDescribed(TOPIC, await describeAll(servers));
  });
});

/** The output of `kcat -L -J`. */
interface Listing {
  brokers: { id: number }[];
  topics: { topic: string; partitions: ListedPartition[] }[];
}
interface ListedPartition {
  partition: number;
  leader: number;
  replicas: { id: number }[];
  isrs: { id: number }[];
}

async function describeAll(servers: string): Promise<Described> {
  const list = async (...which: string[]) =>
    JSON.parse((await runTool('kcat', ['-L', '-J', '-b', servers, ...which])).stdout.toString()) as Listing;
  const [all, own] = [await list(), await list('-t', TOPIC)];
  return {
    topics: all.topics.map(({ topic }) => topic),
    brokers: all.brokers.map(({ id }) => id),
    partitions: own.topics.flatMap(({ partitions }) =>
      partitions.map(({ partition, leader, replicas, isrs }) => ({
        partition,
        leader,
        replicas: replicas.map(({ id }) => id),
        isr: isrs.map(({ id }) => id),
      })),
    ),
  };
}

function asWritten(record: TestRecord): TestRecord {
  return { ...plainForm(record), headers: HEADERS };
}

function asLine(record: TestRecord): string {
  const { key, value } = plainForm(record);
  return `${key}${KEY_END}${value}${RECORD_END}`;
}

/**
 * Parses kcat's output. Each record is "offset timestamp key-length value-length headers", a line feed, the
 * key and the value, and a line feed.
 */
function parse(output: Buffer): ReadRecord[] {
  const records: ReadRecord[] = [];
  for (let at = 0; at < output.length; ) {
    const lineEnd = output.indexOf(0x0a, at);
    const [offset, timestamp, keyBytes, valueBytes, ...headers] = output
      .toString('utf8', at, lineEnd)
      .split(' ');
    const valueAt = lineEnd + 1 + Number(keyBytes);
    const end = valueAt + Number(valueBytes);
    records.push({
      offset: Number(offset),
      timestamp: Number(timestamp),
      key: output.subarray(lineEnd + 1, valueAt),
      value: output.subarray(valueAt, end),
      headers: parseHeaders(headers.join(' ')),
    });
    at = end + 1;
  }
  return records;
}

function parseHeaders(text: string): TestHeader[] {
  return text.split(',').map((part) => {
    const equals = part.indexOf('=');
    return { name: part.slice(0, equals), value: Buffer.from(part.slice(equals + 1)) };
  });
}
