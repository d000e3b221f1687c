/** Goal: the description of a log directory is right for a replica in any state. */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { World } from './support/world.ts';

const ABSOLUTE = /^\//;

function setUp() {
  const world = new World({ brokers: 2 }).start();
  const topicId = world.controller.createTopic('events', [[1, 2]]);
  world.advance(50);
  world.broker(1).produce(topicId, 'a');
  world.advance(1000);
  const describe = (id: number) => world.broker(id).manager.describeLogDirs(null)[0]!;
  return { world, topicId, describe };
}

test('leader and follower report the same size, and no lag', () => {
  const { world, topicId, describe } = setUp();
  const { sizeBytes } = world.partition(1, topicId).log;
  for (const id of [1, 2])
    expect(describe(id)).toEqual({
      errorCode: ErrorCode.NONE,
      path: expect.stringMatching(ABSOLUTE),
      replicas: [{ topic: 'events', partition: 0, sizeBytes, offsetLag: 0 }],
      totalBytes: 2e12,
      usableBytes: 1e12,
    });
});

test('a leader with an uncommitted record has no lag, because its log end is above the high watermark', () => {
  const { world, topicId, describe } = setUp();
  world.network.cut('b1', 'b2');
  world.broker(1).produce(topicId, 'uncommitted');
  expect(world.partition(1, topicId).highWatermark).toBe(1);
  expect(describe(1).replicas).toMatchObject([{ offsetLag: 0 }]);
});

test('an offline replica has its size and the lag -1', () => {
  const { world, topicId, describe } = setUp();
  const { sizeBytes } = world.partition(2, topicId).log;
  world.partition(2, topicId).diskFailed('EIO: a sync failed');
  expect(describe(2).replicas).toEqual([{ topic: 'events', partition: 0, sizeBytes, offsetLag: -1 }]);
});

test('a log that the metadata has not assigned since the start has the lag -1', () => {
  const { world, topicId, describe } = setUp();
  world.broker(2).kill();
  world.network.cut('controller', 'b2');
  world.broker(2).start();
  expect(world.partition(2, topicId)).toBeUndefined();
  expect(describe(2).replicas).toMatchObject([{ topic: 'events', offsetLag: -1 }]);
});

test('the description leaves out the replicas of a deleted topic', () => {
  const { world, topicId, describe } = setUp();
  world.controller.commit([{ type: 'removeTopic', topicId }]);
  world.advance(1000);
  expect(describe(1).replicas).toEqual([]);
});

test('a directory that failed as a whole has KAFKA_STORAGE_ERROR, no replicas and no sizes', () => {
  const { world, describe } = setUp();
  world.broker(2).disk.failWrites = 'EROFS';
  world.advance(20_000);
  expect(describe(2)).toMatchObject({
    errorCode: ErrorCode.KAFKA_STORAGE_ERROR,
    replicas: [],
    totalBytes: -1,
    usableBytes: -1,
  });
});
