/**
 * Goal: `kafka-log-dirs.sh --describe` prints the same lines for Millrace as for Apache Kafka, except for
 * numbers and folders, and the sizes are right. With E2E_BOOTSTRAP the test runs against that cluster, for
 * example Apache Kafka.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { KafkaCluster } from '@millrace/client/io';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { aliveBrokers, createTopic } from '../lib/wire.ts';
import { KafkaTools } from './kafka-tools.ts';
import { isMissing, kafkaTool, topicOf } from './round-trip.ts';

const TOPIC = topicOf('log-dirs');
const PARTITIONS = 2;
const RECORDS = Array.from({ length: 5000 }, (_, n) => `record ${n}\n`).join('');
/** What the tool of Apache Kafka 4.3.1 prints for one broker of Apache Kafka. */
const ofKafka = `Querying brokers for log directories information
Received log directory information from brokers 1
{"brokers":[{"broker":1,"logDirs":[{"partitions":[{"partition":"sized-0","size":0,"offsetLag":0,"isFuture":false},{"partition":"sized-1","size":22887,"offsetLag":0,"isFuture":false}],"error":null,"logDir":"/data"}]}],"version":1}
`;

interface Described {
  readonly brokers: {
    readonly broker: number;
    readonly logDirs: {
      readonly logDir: string;
      readonly error: string | null;
      readonly partitions: {
        readonly partition: string;
        readonly size: number;
        readonly offsetLag: number;
        readonly isFuture: boolean;
      }[];
    }[];
  }[];
}

const tools = new KafkaTools();
afterAll(() => tools.close());

async function describeLogDirs(...args: string[]): Promise<string> {
  const lines = await tools.call('org.apache.kafka.tools.LogDirsCommand', ['--describe', ...args]);
  return lines.map((line) => `${line}\n`).join('');
}

/** The output without the parts that differ between any two clusters: numbers, folders, names of topics. */
function shapeOf(output: string): string {
  return output
    .replaceAll(/"logDir":"[^"]+"/g, '"logDir":"<folder>"')
    .replaceAll(/"partition":"[^"]+"/g, '"partition":"<partition>"')
    .replaceAll(/"size":\d+/g, '"size":<bytes>')
    .replaceAll(/"broker":\d+/g, '"broker":<id>')
    .replaceAll(/brokers [\d,]+/g, 'brokers <ids>');
}

describe.skipIf(isMissing('java'))('kafka-log-dirs.sh', () => {
  test('describes each replica of a topic with its true size, at each broker', async () => {
    const servers = inject('bootstrapServers');
    const ids = [...(await aliveBrokers(servers)).keys()].sort();
    await createTopic(servers, { name: TOPIC, partitions: PARTITIONS, replicas: ids.length });
    await kafkaTool('ConsoleProducer', ['--topic', TOPIC], RECORDS);
    for (const id of ids) {
      const output = await describeLogDirs('--topic-list', TOPIC, '--broker-list', String(id));
      expect(shapeOf(output)).toBe(shapeOf(ofKafka));
      const { brokers } = JSON.parse(output.split('\n')[2]!) as Described;
      const [{ logDir, error, partitions }] = brokers[0]!.logDirs as [Described['brokers'][0]['logDirs'][0]];
      expect([brokers[0]!.broker, error, isAbsolute(logDir)]).toEqual([id, null, true]);
      const names = partitions.map(({ partition }) => partition).sort();
      expect(names).toEqual([`${TOPIC}-0`, `${TOPIC}-1`]);
      expect(partitions.every(({ offsetLag, isFuture }) => offsetLag === 0 && !isFuture)).toBe(true);
      for (const { partition, size } of partitions) expect(size).toBe(bytesOfLogs(join(logDir, partition)));
      expect(partitions.reduce((sum, { size }) => sum + size, 0)).toBeGreaterThan(RECORDS.length);
    }
  });

  test('describes all topics of all brokers, as our admin client does; an unknown topic has no partitions', async () => {
    const ids = [...(await aliveBrokers(inject('bootstrapServers'))).keys()].sort();
    const all = JSON.parse((await describeLogDirs()).split('\n')[2]!) as Described;
    expect(all.brokers.map(({ broker }) => broker).sort()).toEqual(ids);
    for (const { logDirs } of all.brokers)
      expect(logDirs[0]!.partitions.map(({ partition }) => partition)).toContain(`${TOPIC}-0`);
    const cluster = await KafkaCluster.connect(inject('bootstrapServers'));
    const { found, failed } = await cluster.logDirs(new Map([[TOPIC, [0, 1]]]));
    cluster.close();
    expect([[...found.keys()].sort(), failed.size]).toEqual([ids, 0]);
    for (const [dir] of found.values()) {
      expect(dir!.replicas.map(({ topic, partition }) => `${topic}-${partition}`)).toEqual([
        `${TOPIC}-0`,
        `${TOPIC}-1`,
      ]);
      expect(dir!.totalBytes).toBeGreaterThan(dir!.usableBytes!);
    }
    const none = JSON.parse((await describeLogDirs('--topic-list', 'nowhere')).split('\n')[2]!) as Described;
    expect(none.brokers.flatMap(({ logDirs }) => logDirs.map(({ partitions }) => partitions))).toEqual(
      ids.map(() => []),
    );
  });
});

/** The test runs on the machine of the brokers, so it can measure their files. */
function bytesOfLogs(folder: string): number {
  expect(existsSync(folder)).toBe(true);
  const logs = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return logs.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
