/**
 * Goal: the packages together form a working cluster. Method: a cluster in this process, with real sockets
 * and files, a small client, and faults.
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { apis, ErrorCode } from '@millrace/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type ClusterOptions, type RunningCluster, startCluster } from '../../src/index.ts';
import { eventually, TestClient } from '../support/client.ts';

let cluster: RunningCluster;
const clients = new Map<number, TestClient>();

beforeAll(async () => {
  cluster = await startCluster({ controllers: 1, brokers: 3 });
}, 20_000);

afterAll(async () => {
  for (const client of clients.values()) client.close();
  await cluster.stop();
  expect(existsSync(cluster.directory)).toBe(false);
}, 20_000);

async function client(id: number): Promise<TestClient> {
  let known = clients.get(id);
  if (known === undefined) {
    known = await TestClient.connect(cluster.node(id).port!);
    clients.set(id, known);
  }
  return known;
}

function forget(id: number): void {
  clients.get(id)?.close();
  clients.delete(id);
}

async function partitionOf(topic: string, partition: number, asked = 2) {
  const { topics } = await (await client(asked)).metadata(topic);
  return topics[0]!.partitions.find((entry) => entry.partitionIndex === partition)!;
}

/**
 * Waits for the expected values. A new leader first learns the high watermark from its followers, so it shows
 * consumers the last records a moment later.
 */
async function holds(topic: string, partition: number, leaderId: number, expected: string[]): Promise<void> {
  const leader = await client(leaderId);
  const values = await eventually(async () => {
    const fetched = await leader.fetch(topic, partition, 0);
    return fetched.highWatermark >= expected.length ? fetched.values : undefined;
  });
  expect(values).toEqual(expected);
}

async function inSync(topic: string, count: number, asked = 2): Promise<void> {
  await eventually(async () => {
    const { topics } = await (await client(asked)).metadata(topic);
    return topics[0]!.partitions.every((entry) => entry.isrNodes.length === count) ? true : undefined;
  });
}

test('every broker answers Metadata with all brokers at their real ports', async () => {
  for (const id of [2, 3, 4]) {
    const { brokers, clusterId } = await (await client(id)).metadata();
    expect(brokers.map((broker) => [broker.nodeId, broker.host, broker.port])).toEqual(
      [2, 3, 4].map((other) => [other, '127.0.0.1', cluster.node(other).port]),
    );
    expect(clusterId).toMatch(/^[\w-]{22}$/);
  }
});

test('a client produces with acks=all to each leader, and a consumer reads up to the high watermark', async () => {
  await (await client(2)).createTopic('orders', 3, 3, { 'min.insync.replicas': '2' });
  for (const partition of [0, 1, 2]) {
    const { leaderId } = await partitionOf('orders', partition);
    const leader = await client(leaderId);
    const first = await leader.produce('orders', partition, [`a${partition}`, `b${partition}`]);
    expect(first).toEqual({ errorCode: ErrorCode.NONE, baseOffset: 0 });
    const second = await leader.produce('orders', partition, [`c${partition}`]);
    expect(second).toEqual({ errorCode: ErrorCode.NONE, baseOffset: 2 });
    const fetched = await leader.fetch('orders', partition, 0);
    expect(fetched).toEqual({
      errorCode: ErrorCode.NONE,
      highWatermark: 3,
      values: [`a${partition}`, `b${partition}`, `c${partition}`],
    });
  }
});

test('a broker that does not lead refuses with NOT_LEADER_OR_FOLLOWER', async () => {
  const { leaderId } = await partitionOf('orders', 0);
  const other = await client([2, 3, 4].find((id) => id !== leaderId)!);
  expect((await other.produce('orders', 0, ['x'])).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
});

test('DescribeQuorum shows the controller and the brokers that follow it', async () => {
  const { topics } = await (await client(3)).call(apis.describeQuorum, 1, {
    topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
  });
  const quorum = topics[0]!.partitions[0]!;
  expect(quorum).toMatchObject({ errorCode: ErrorCode.NONE, leaderId: 1 });
  expect(quorum.currentVoters.map((voter) => voter.replicaId)).toEqual([1]);
  expect(quorum.observers.map((observer) => observer.replicaId)).toEqual([2, 3, 4]);
  expect(quorum.highWatermark).toBeGreaterThan(0);
});

test('a leader is killed: another broker takes over with every acknowledged record; the killed one rejoins the ISR', async () => {
  const { leaderId: killed } = await partitionOf('orders', 1);
  const survivor = [2, 3, 4].find((id) => id !== killed)!;
  await inSync('orders', 3, survivor);
  forget(killed);
  await cluster.kill(killed);
  const next = await eventually(async () => {
    const { leaderId } = await partitionOf('orders', 1, survivor);
    return leaderId !== killed && leaderId !== -1 ? leaderId : undefined;
  });
  const leader = await client(next);
  await holds('orders', 1, next, ['a1', 'b1', 'c1']);
  expect(await leader.produce('orders', 1, ['d1'])).toEqual({ errorCode: ErrorCode.NONE, baseOffset: 3 });

  await cluster.startNode(killed);
  await inSync('orders', 3, survivor);
  await cluster.settled();
  expect(cluster.node(killed).running).toBeDefined();
}, 20_000);

test('a broker that stops cleanly hands its leaderships over, and comes back', async () => {
  const { leaderId: stopped } = await partitionOf('orders', 2);
  const survivor = [2, 3, 4].find((id) => id !== stopped)!;
  forget(stopped);
  await cluster.stopNode(stopped);
  const { leaderId } = await partitionOf('orders', 2, survivor);
  expect(leaderId).not.toBe(stopped);
  await holds('orders', 2, leaderId, ['a2', 'b2', 'c2']);
  await cluster.startNode(stopped);
  await inSync('orders', 3, survivor);
}, 20_000);

test('the controller restarts: no metadata is lost, and the brokers keep running', async () => {
  await cluster.stopNode(1);
  const { leaderId } = await partitionOf('orders', 0);
  expect((await (await client(leaderId)).produce('orders', 0, ['meanwhile'])).errorCode).toBe(ErrorCode.NONE);
  await cluster.startNode(1);
  await (await client(2)).createTopic('after', 1, 3);
  const { brokers } = await (await client(2)).metadata('after');
  expect(brokers).toHaveLength(3);
}, 20_000);

test('another controller takes over from a killed one, which hands nothing over', async () => {
  const trio = await startCluster({ controllers: 3, brokers: 0 });
  const quorumOf = (id: number) => trio.node(id).running?.roles.controller?.quorum;
  const leaders = () => trio.nodes.flatMap(({ id }) => quorumOf(id)?.leader()?.nodeId ?? []);
  // Until a controller knows that the quorum is formed, it waits for the controller that forms the quorum.
  // The test may kill that controller, so it first waits until all three know.
  const isFormed = () => [1, 2, 3].every((id) => quorumOf(id)?.clusterId() !== undefined);
  const first = await eventually(async () =>
    isFormed() && leaders().length === 3 ? leaders()[0] : undefined,
  );
  const handOver = vi.spyOn(quorumOf(first)!, 'stop');
  await trio.kill(first);
  expect(handOver).not.toHaveBeenCalled();
  await eventually(async () => leaders().find((id) => id !== first));
  await trio.startNode(first);
  await trio.stop();
}, 20_000);

test('a topic deleted through one broker is unknown to another', async () => {
  const { responses } = await (await client(4)).call(apis.deleteTopics, 5, {
    topicNames: ['after'],
    timeoutMs: 5000,
  });
  expect(responses[0]!.errorCode).toBe(ErrorCode.NONE);
  await eventually(async () => {
    const { topics } = await (await client(3)).metadata('after');
    return topics[0]!.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION ? true : undefined;
  });
});

test.each([
  [{ brokers: '2' }, "brokers must be a whole number from 0 to 100, not the string '2'"],
  [{ controllers: 0 }, 'controllers must be a whole number from 1 to 100, not 0'],
  [{ brokers: 1, config: { foo: 1 } }, 'startCluster has no option config; its options are controllers'],
])('startCluster refuses %j', async (options, message) => {
  await expect(startCluster(options as ClusterOptions)).rejects.toThrow(message);
});

test('a node starts again although its port stays taken for a moment after the stop', async () => {
  const own = await startCluster({ settings: { 'logger.level': 'silent' } });
  try {
    const [broker] = own.nodes.filter(({ role }) => role === 'broker');
    const { id, port } = broker!;
    await own.stopNode(id);
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    setTimeout(() => other.close(), 200);
    await own.startNode(id);
    expect(own.node(id).port).toBe(port);
  } finally {
    await own.stop();
  }
}, 20_000);
