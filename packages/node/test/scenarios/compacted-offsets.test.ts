/**
 * Goal: `__consumer_offsets` is compacted, and a coordinator that loads a compacted partition has the latest
 * state: each group's last commit, and no deleted group. Method: real nodes; the coordinator is killed.
 */
import { apis, ConfigOperation, ConfigResourceType, ErrorCode } from '@millrace/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningCluster, startCluster } from '../../src/index.ts';
import { eventually, TestClient } from '../support/client.ts';

const OFFSETS = '__consumer_offsets';
const ROUNDS = 12;
const GROUPS = ['one', 'two', 'three'];
let cluster: RunningCluster;
const open: TestClient[] = [];

beforeAll(async () => {
  const settings = {
    'offsets.topic.num.partitions': 1,
    'log.cleaner.backoff.ms': 100,
    'log.cleaner.min.cleanable.ratio': 0,
    'replica.high.watermark.checkpoint.interval.ms': 200,
    'health.port': 0,
  };
  cluster = await startCluster({ controllers: 1, brokers: 3, settings });
}, 20_000);

afterAll(async () => {
  for (const client of open) client.close();
  await cluster?.stop();
}, 20_000);

async function connect(nodeId: number): Promise<TestClient> {
  const client = await TestClient.connect(cluster.node(nodeId).port!);
  open.push(client);
  return client;
}

const aliveBrokers = (): number[] =>
  cluster.nodes.filter(({ role, running }) => role === 'broker' && running !== undefined).map(({ id }) => id);

/** A client of the groups' coordinator, when it has loaded. */
async function coordinator(): Promise<{ id: number; client: TestClient }> {
  return eventually(async () => {
    const asks = await connect(aliveBrokers()[0]!);
    const { coordinators } = await asks.call(apis.findCoordinator, 4, {
      keyType: 0,
      coordinatorKeys: GROUPS,
    });
    const id = coordinators[0]?.errorCode === ErrorCode.NONE ? coordinators[0].nodeId : -1;
    if (!aliveBrokers().includes(id)) return undefined;
    const client = await connect(id);
    return (await committed(client, 'one')) === undefined ? undefined : { id, client };
  });
}

async function commit(client: TestClient, groupId: string, committedOffset: number): Promise<void> {
  const partitions = [{ partitionIndex: 0, committedOffset }];
  const { topics } = await client.call(apis.offsetCommit, 8, {
    groupId,
    topics: [{ name: 'orders', partitions }],
  });
  expect(topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NONE);
}

/** The committed offset; -1: none. Undefined: the coordinator cannot answer now. */
async function committed(client: TestClient, groupId: string): Promise<number | undefined> {
  const { groups } = await client.call(apis.offsetFetch, 8, {
    groups: [{ groupId, topics: [{ name: 'orders', partitionIndexes: [0] }] }],
    requireStable: false,
  });
  if (groups[0]!.errorCode !== ErrorCode.NONE) return undefined;
  return groups[0]!.topics[0]?.partitions[0]?.committedOffset ?? -1;
}

async function cleanings(nodeId: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${cluster.node(nodeId).running!.healthPort}/metrics`);
  const line = /^millrace_cleanings_total\{result="cleaned"\} (\d+)$/m.exec(await answer.text());
  return Number(line?.[1] ?? 0);
}

/**
 * Waits until each live broker has compacted its replica twice. The first cleaning may have begun before the
 * call; the second begins after it. Meanwhile this function commits offsets for another group: without them
 * the active segment would not end, and the cleaner never touches an active segment.
 */
async function compactedAgain(client: TestClient): Promise<void> {
  const before = new Map<number, number>();
  for (const id of aliveBrokers()) before.set(id, await cleanings(id));
  let round = 0;
  await eventually(async () => {
    await commit(client, 'another', round++);
    for (const [id, number] of before) if ((await cleanings(id)) < number + 2) return undefined;
    return true;
  });
}

test('a coordinator loads a compacted partition: last commits stay, deleted groups do not come back', {
  timeout: 60_000,
}, async () => {
  const asks = await connect(aliveBrokers()[0]!);
  await asks.createTopic('orders', 1, 3);
  await asks.call(apis.findCoordinator, 4, { keyType: 0, coordinatorKeys: GROUPS });
  const answer = await eventually(async () => {
    const { responses } = await asks.call(apis.incrementalAlterConfigs, 1, {
      resources: [
        {
          resourceType: ConfigResourceType.TOPIC,
          resourceName: OFFSETS,
          configs: ['segment.ms', 'delete.retention.ms'].map((name) => ({
            name,
            configOperation: ConfigOperation.SET,
            value: '1',
          })),
        },
      ],
      validateOnly: false,
    });
    return responses[0]!.errorCode === ErrorCode.NONE ? responses : undefined;
  });
  expect(answer).toHaveLength(1);
  const first = await coordinator();
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [index, group] of GROUPS.entries()) await commit(first.client, group, round * 10 + index);
    await new Promise((later) => setTimeout(later, 20));
  }
  await compactedAgain(first.client);
  const { results } = await first.client.call(apis.deleteGroups, 2, { groupsNames: ['two'] });
  expect(results[0]!.errorCode).toBe(ErrorCode.NONE);
  for (let round = 1; round <= 3; round++) {
    await commit(first.client, 'three', 1000 + round);
    await new Promise((later) => setTimeout(later, 20));
  }
  await compactedAgain(first.client);
  // The tombstones of the deleted group may go now.
  await commit(first.client, 'three', 1004);
  await new Promise((later) => setTimeout(later, 300));
  await commit(first.client, 'three', 1005);
  await compactedAgain(first.client);

  await cluster.kill(first.id);
  const second = await coordinator();
  expect(second.id).not.toBe(first.id);
  const offsets = [];
  for (const group of GROUPS) offsets.push(await committed(second.client, group));
  expect(offsets).toEqual([ROUNDS * 10, -1, 1005]);
  // The group continues, and its commits survive the next coordinator, too.
  await commit(second.client, 'one', 777);
  await cluster.kill(second.id);
  const third = await coordinator();
  const later = [];
  for (const group of GROUPS) later.push(await committed(third.client, group));
  expect(later).toEqual([777, -1, 1005]);
});
