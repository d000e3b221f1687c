/**
 * Goal: the broker that coordinates a group shows how far the group is behind, whichever brokers lead the
 * partitions, and even if one of these leaders does not answer.
 */
import { apis } from '@millrace/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningCluster, startCluster } from '../../src/index.ts';
import { eventually, TestClient } from '../support/client.ts';

const TOPIC = 'orders';
const SERIES_MAX = 4;
let cluster: RunningCluster;
let client: TestClient;
/** The leaders of the topic's partitions, by index. */
let leaders: number[] = [];

beforeAll(async () => {
  const settings = { 'health.port': 0, 'metrics.group.lag.max.series': SERIES_MAX };
  cluster = await startCluster({ controllers: 1, brokers: 3, settings });
  client = await TestClient.connect(cluster.node(2).port!);
  await client.createTopic(TOPIC, 3, 1);
  leaders = await eventually(async () => {
    const found = (await client.metadata(TOPIC)).topics[0]!.partitions;
    const ids = found.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map((one) => one.leaderId);
    return ids.length === 3 && ids.every((id) => id >= 0) ? ids : undefined;
  });
  for (const [partition, leader] of leaders.entries()) {
    const producer = await TestClient.connect(cluster.node(leader).port!);
    const values = Array.from({ length: 5 }, String);
    await eventually(
      async () => (await producer.produce(TOPIC, partition, values)).errorCode === 0 || undefined,
    );
    producer.close();
  }
}, 20_000);

afterAll(async () => {
  client?.close();
  await cluster?.stop();
}, 20_000);

async function coordinatorOf(group: string): Promise<number> {
  return eventually(async () => {
    const { coordinators } = await client.call(apis.findCoordinator, 4, {
      keyType: 0,
      coordinatorKeys: [group],
    });
    const { errorCode, nodeId } = coordinators[0]!;
    return errorCode === 0 ? nodeId : undefined;
  });
}

/** Commits an offset for each partition of the topic, in a group without members. */
async function commit(group: string, offsets: readonly number[]): Promise<void> {
  const coordinator = await TestClient.connect(cluster.node(await coordinatorOf(group)).port!);
  const partitions = offsets.map((committedOffset, partitionIndex) => ({ partitionIndex, committedOffset }));
  await eventually(async () => {
    const { topics } = await coordinator.call(apis.offsetCommit, 8, {
      groupId: group,
      topics: [{ name: TOPIC, partitions }],
    });
    return topics[0]!.partitions.every(({ errorCode }) => errorCode === 0) || undefined;
  });
  coordinator.close();
}

/** The lag samples in the metrics of one broker. */
async function lagsOn(nodeId: number): Promise<string[]> {
  const answer = await fetch(`http://127.0.0.1:${cluster.node(nodeId).running!.healthPort}/metrics`);
  return (await answer.text()).split('\n').filter((line) => line.startsWith('millrace_group_lag'));
}

function sample(group: string, partition: number, lag: number): string {
  return `millrace_group_lag{group="${group}",topic="${TOPIC}",partition="${partition}"} ${lag}`;
}

test('only the coordinator shows the lag, also of partitions that other brokers lead', async () => {
  expect(new Set(leaders).size).toBe(3);
  await commit('billing', [5, 3, 0]);
  const coordinator = await coordinatorOf('billing');
  expect(await lagsOn(coordinator)).toEqual([
    sample('billing', 0, 0),
    sample('billing', 1, 2),
    sample('billing', 2, 5),
    'millrace_group_lag_omitted 0',
  ]);
  for (const other of leaders.filter((id) => id !== coordinator))
    expect(await lagsOn(other)).toEqual(['millrace_group_lag_omitted 0']);
});

test('scrapes at the same time get the same lag', async () => {
  const coordinator = await coordinatorOf('billing');
  const scrapes = await Promise.all(Array.from({ length: 8 }, () => lagsOn(coordinator)));
  for (const lags of scrapes) expect(lags).toContain(sample('billing', 1, 2));
});

test('the setting limits the number of series, and a metric counts the rest', async () => {
  const coordinator = await coordinatorOf('billing');
  // Adds a group with the same coordinator. The group has three offsets, but only one more series fits.
  for (let number = 0; ; number++) {
    const group = `reports-${number}`;
    if ((await coordinatorOf(group)) !== coordinator) continue;
    await commit(group, [1, 1, 1]);
    break;
  }
  const lags = await lagsOn(coordinator);
  expect(lags).toHaveLength(SERIES_MAX + 1);
  expect(lags).toContain('millrace_group_lag_omitted 2');
});

test('partitions whose leader is gone have no series, and the scrape still answers', async () => {
  const coordinator = await coordinatorOf('billing');
  const gone = leaders.find((id) => id !== coordinator)!;
  await cluster.kill(gone);
  const beganMs = performance.now();
  const lags = await lagsOn(coordinator);
  expect(performance.now() - beganMs).toBeLessThan(5_000);
  const ofBilling = lags.filter((line) => line.includes('billing'));
  expect(ofBilling.map((line) => /partition="(\d)"/.exec(line)![1])).toEqual(
    [0, 1, 2].filter((partition) => leaders[partition] !== gone).map(String),
  );
});
