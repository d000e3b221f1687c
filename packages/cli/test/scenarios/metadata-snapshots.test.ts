/**
 * Goal: real processes start from snapshots of the metadata. A controller starts from its own snapshot. A
 * broker or a controller with an empty folder starts from the leader's snapshot. Method: three controllers
 * and two brokers, kill -9, and the events in the logs of the nodes.
 */
import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@millrace/base/testing/io';
import { KafkaClient } from '@millrace/client/io';
import { apis } from '@millrace/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalNode, nodesOf, readLayout } from '../../src/cluster/layout.ts';
import { pidOf, stateOf } from '../../src/cluster/process.ts';
import { millrace } from '../support/command.ts';

const SNAPSHOT_BYTES = 3_000;
/** The number of topics in one request. Their records are enough to make a snapshot due. */
const TOPICS = 20;
const PREFIXES = ['a', 'b', 'c'];

let dir: string;
let port: number;
let nodes: LocalNode[];

type LoggedEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** The events that the node has logged since its log was emptied. */
function eventsOf(node: LocalNode): LoggedEvent[] {
  const lines = readFileSync(join(node.directory, 'node.log'), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LoggedEvent);
}

const newest = (node: LocalNode, event: string) => eventsOf(node).findLast((one) => one.event === event);

async function eventually<T>(what: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = performance.now() + 30_000;
  for (;;) {
    const found = await what();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`waited in vain for ${String(what)}`);
    await sleep(50);
  }
}

async function start(...more: string[]): Promise<void> {
  const command = millrace(['cluster', 'start', '--dir', dir, ...more]);
  expect(await command.exit(), command.output()).toBe(0);
}

/** Kills the node, runs `change` on its folder, and starts it with an empty log file. */
async function restarted(node: LocalNode, change: () => void = () => {}): Promise<void> {
  process.kill(pidOf(node)!, 'SIGKILL');
  await eventually(() => (stateOf(node) === 'running' ? undefined : true));
  change();
  truncateSync(join(node.directory, 'node.log'));
  await start();
}

const withoutData = (node: LocalNode) => () => rmSync(join(node.directory, 'data'), { recursive: true });

async function withClient<T>(use: (client: KafkaClient) => Promise<T>): Promise<T> {
  const options = { clientId: 'test', connectTimeoutMs: 5_000, requestTimeoutMs: 20_000 };
  const client = await KafkaClient.connect(`127.0.0.1:${port}`, options);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

async function createTopics(prefix: string): Promise<void> {
  const topics = Array.from({ length: TOPICS }, (_unused, index) => ({
    name: `${prefix}-${index}`,
    numPartitions: 5,
    replicationFactor: 2,
    assignments: [],
    configs: [],
  }));
  const request = { topics, timeoutMs: 20_000, validateOnly: false };
  const answer = await withClient((client) => client.call(apis.createTopics, request));
  expect(answer.topics.map(({ errorCode }) => errorCode)).toEqual(topics.map(() => 0));
}

/** The number of topics that the first broker knows. */
const topicCount = async () =>
  (await withClient((client) => client.call(apis.metadata, { topics: null, allowAutoTopicCreation: false })))
    .topics.length;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-snapshots-'));
  port = await freePort(2);
  const counts = ['--controllers', '3', '--brokers', '2', '--port', String(port)];
  const snapshots = ['--set', `metadata.log.max.record.bytes.between.snapshots=${SNAPSHOT_BYTES}`];
  await start(...counts, ...snapshots, '--set', 'logger.format=json');
  nodes = nodesOf(readLayout(dir));
  for (const prefix of PREFIXES) await createTopics(prefix);
}, 60_000);

afterAll(async () => {
  await millrace(['cluster', 'stop', '--dir', dir]).exit();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

test('every controller writes snapshots, and deletes the beginning of its log', async () => {
  for (const node of nodes.filter(({ role }) => role === 'controller')) {
    const trimmed = await eventually(() => newest(node, 'quorum-log-trimmed'));
    const written = newest(node, 'snapshot-written')!;
    expect(written.endOffset).toBeGreaterThan(trimmed.toOffset as number);
    expect(written.bytes).toBeGreaterThan(SNAPSHOT_BYTES);
  }
});

test('a controller that was killed starts from its snapshot, and votes', async () => {
  const node = nodes[0]!;
  await restarted(node);
  const loaded = newest(node, 'quorum-log-loaded')!;
  expect(loaded.startOffset).toBeGreaterThan(0);
  expect(loaded.snapshotEndOffset).toBeGreaterThan(loaded.startOffset as number);
  expect(newest(node, 'snapshot-loaded')).toBeUndefined();
  expect(newest(node, 'voter-storage-replaced')).toBeUndefined();
  expect(await topicCount()).toBe(TOPICS * PREFIXES.length);
});

test('a broker with an empty folder loads a snapshot, and serves', async () => {
  const node = nodes[3]!;
  await restarted(node, withoutData(node));
  expect(newest(node, 'metadata-snapshot-loaded')!.bytes).toBeGreaterThan(SNAPSHOT_BYTES);
  expect(await topicCount()).toBe(TOPICS * PREFIXES.length);
});

test('a controller with an empty folder loads a snapshot, and has no vote', async () => {
  const node = nodes[1]!;
  await restarted(node, withoutData(node));
  const loaded = await eventually(() => newest(node, 'snapshot-loaded'));
  expect(loaded.bytes).toBeGreaterThan(SNAPSHOT_BYTES);
  expect(newest(node, 'voter-storage-replaced')).toBeDefined();
  // From here on it takes snapshots of its own, like every controller.
  await createTopics('later');
  const written = await eventually(() => newest(node, 'snapshot-written'));
  expect(written.endOffset).toBeGreaterThan(loaded.endOffset as number);
});
