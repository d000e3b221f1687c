/**
 * Goal: on a real disk, the same records expire as in Apache Kafka, and their files are unlinked in time. A
 * broker that is killed meanwhile continues after its restart. Method: a cluster in this process.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { apis, buildBatch, ErrorCode } from '@millrace/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningCluster, startCluster } from '../../src/index.ts';
import { eventually, TestClient } from '../support/client.ts';

const DAY_MS = 86_400_000;
const BROKERS = [2, 3, 4];
let cluster: RunningCluster;

beforeAll(async () => {
  const settings = { 'log.initial.task.delay.ms': 100, 'log.retention.check.interval.ms': 200 };
  cluster = await startCluster({ controllers: 1, brokers: 3, settings });
}, 20_000);

afterAll(() => cluster.stop(), 20_000);

/** Runs `use` with a client of the topic's leader. */
async function atLeader<T>(topic: string, use: (client: TestClient) => Promise<T>): Promise<T> {
  const leader = await eventually(async () => {
    const any = await TestClient.connect(cluster.node(2).port!);
    const { topics } = await any.metadata(topic);
    any.close();
    const id = topics[0]?.partitions[0]?.leaderId ?? -1;
    return cluster.nodes.some((node) => node.id === id && node.running !== undefined) ? id : undefined;
  });
  const client = await TestClient.connect(cluster.node(leader).port!);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

async function create(topic: string, configs: Record<string, string>): Promise<void> {
  const client = await TestClient.connect(cluster.node(2).port!);
  await client.createTopic(topic, 1, 3, { 'min.insync.replicas': '2', ...configs });
  client.close();
}

const append = (topic: string, ageMs: number, values: string[]): Promise<void> =>
  atLeader(topic, async (client) => {
    const records = buildBatch({
      baseTimestamp: Date.now() - ageMs,
      records: values.map((value) => ({ key: null, value: new TextEncoder().encode(value), headers: [] })),
    });
    const { responses } = await client.call(apis.produce, 9, {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
    });
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(ErrorCode.NONE);
  });

const offsetOf = (topic: string, timestamp: number): Promise<number> =>
  atLeader(topic, async (client) => {
    const { topics } = await client.call(apis.listOffsets, 7, {
      replicaId: -1,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }],
    });
    return topics[0]!.partitions[0]!.offset;
  });

const startsAt = (topic: string, offset: number): Promise<boolean> =>
  eventually(async () => (await offsetOf(topic, -2)) === offset || undefined);

/** The file names of a topic on each broker. */
const filesOf = (topic: string): string[][] =>
  BROKERS.map((id) => readdirSync(join(cluster.directory, `node-${id}`, `${topic}-0`)));

const logsOf = (topic: string): string[][] =>
  filesOf(topic).map((names) => names.filter((name) => name.endsWith('.log')));

test('old records expire on every replica, and brokers unlink their files after file.delete.delay.ms', async () => {
  await create('old', { 'file.delete.delay.ms': '1000' });
  await append('old', 30 * DAY_MS, ['a', 'b']);
  await startsAt('old', 2);
  expect(await offsetOf('old', -1)).toBe(2);
  await append('old', 0, ['c']);
  const { values, errorCode } = await atLeader('old', (client) => client.fetch('old', 0, 2));
  expect([errorCode, values]).toEqual([ErrorCode.NONE, ['c']]);
  const below = await atLeader('old', (client) => client.fetch('old', 0, 1));
  expect(below.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  const only = ['00000000000000000002.log'];
  expect(
    await eventually(async () =>
      logsOf('old').every((names) => names.length === 1) ? logsOf('old') : undefined,
    ),
  ).toEqual([only, only, only]);
  const hasDeleted = () => filesOf('old').some((names) => names.some((name) => name.endsWith('.deleted')));
  expect(await eventually(async () => !hasDeleted() || undefined)).toBe(true);
}, 20_000);

test('a broker that is killed after the removal opens the log at the same start, and removes the marked files', async () => {
  await create('killed', { 'file.delete.delay.ms': '600000' });
  await append('killed', 30 * DAY_MS, ['a', 'b']);
  await startsAt('killed', 2);
  await append('killed', 0, ['c']);
  await eventually(async () => logsOf('killed').every((names) => names.length === 1) || undefined);
  for (const id of BROKERS) await cluster.kill(id);
  await Promise.all(BROKERS.map((id) => cluster.startNode(id)));
  await startsAt('killed', 2);
  // A new leader knows no high watermark before its followers have fetched.
  await eventually(async () => (await offsetOf('killed', -1)) === 3 || undefined);
  expect(
    await eventually(
      async () =>
        !filesOf('killed').some((names) => names.some((name) => name.endsWith('.deleted'))) || undefined,
    ),
  ).toBe(true);
  await append('killed', 0, ['d']);
  const { values } = await atLeader('killed', (client) => client.fetch('killed', 0, 2));
  expect(values[0]).toBe('c');
}, 30_000);

test('retention.bytes keeps the newest segments, and retention.ms=-1 everything', async () => {
  await create('large', { 'retention.bytes': '1100000', 'segment.bytes': '1048576' });
  await create('kept', { 'retention.ms': '-1' });
  await append('kept', 4000 * DAY_MS, ['a']);
  for (let i = 0; i < 9; i++) await append('large', 0, ['x'.repeat(500_000)]);
  await startsAt('large', 6);
  expect(await offsetOf('kept', -2)).toBe(0);
}, 20_000);
