import { expect, test } from 'vitest';
import { unhealthy } from '../../src/run/health.ts';
import type { ClusterSample } from '../../src/types.ts';

const expected = { factors: new Map([['orders', 3]]) };
const partition = { topic: 'orders', partition: 0, leader: 4, leaderEpoch: 1, isr: [4, 5, 6] };
const healthy: ClusterSample = {
  atUs: 0,
  activeController: 1,
  partitions: [partition],
  nodes: [{ id: 1, state: 'running' }],
};

test('a cluster is healthy when every node runs and every replica is in its ISR', () => {
  expect(unhealthy(healthy, expected)).toBeUndefined();
});

test.each([
  [{ nodes: [{ id: 1, state: 'paused' as const }] }, 'node 1 is paused'],
  [{ activeController: undefined }, 'no broker names an active controller'],
  [{ partitions: [] }, 'no broker knows the topic orders'],
  [{ partitions: [{ ...partition, leader: -1 }] }, 'orders-0 has no leader'],
  [{ partitions: [{ ...partition, isr: [4] }] }, 'orders-0 has 1 of 3 replicas in the ISR'],
])('%o is not healthy', (change, sentence) => {
  expect(unhealthy({ ...healthy, ...change }, expected)).toBe(sentence);
});
