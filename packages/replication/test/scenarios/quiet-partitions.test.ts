/** Goal: idle partitions cost a fetch nothing. Method: counts how often a follower looks at its replicas. */
import { ErrorCode } from '@millrace/protocol';
import { expect, test, vi } from 'vitest';
import { Partition } from '../../src/partition/partition.ts';
import { World } from '../support/world.ts';

const PARTITIONS = 100;

test('a follower looks only at the partition that got a record, not at the other 99', () => {
  const world = new World().start();
  const topic = world.controller.createTopic(
    'events',
    Array.from({ length: PARTITIONS }, () => [1, 2]),
  );
  world.advance(3000);
  // The follower reads `ownEnd` before each fetch that changes the partition's item.
  const ownEnd = vi.spyOn(Partition.prototype, 'ownEnd', 'get');
  const answer = world.broker(1).produce(topic, 'v0');
  world.advance(1000);
  expect(answer.value?.errorCode).toBe(ErrorCode.NONE);
  const followers = (ownEnd.mock.contexts as Partition[]).filter(({ role }) => role === 'follower');
  ownEnd.mockRestore();
  expect(followers.length).toBeGreaterThan(0);
  expect(followers.length).toBeLessThan(10);
  expect(new Set(followers.map(({ index }) => index))).toEqual(new Set([0]));
});
