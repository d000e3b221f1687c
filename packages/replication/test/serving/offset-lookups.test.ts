/**
 * Goal: ListOffsets and OffsetForLeaderEpoch answer as in Kafka. Method: requests to a leader with a known
 * log.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import type { ListOffsetsQuery, ListOffsetsResult, ReplicaManager } from '../../src/index.ts';
import { World } from '../support/world.ts';

/** The first result. `listOffsets` calls back within the call. */
function listed(manager: ReplicaManager, query: ListOffsetsQuery): ListOffsetsResult {
  let results: ListOffsetsResult[] = [];
  manager.listOffsets(query, (all) => {
    results = all;
  });
  return results[0]!;
}

const setUp = () => {
  const world = new World({ brokers: 2 }).start();
  const topicId = world.controller.createTopic('events', [[1, 2]]);
  world.advance(50);
  const ask = (timestamp: number, options: Partial<ListOffsetsQuery> & { broker?: number } = {}) =>
    listed(world.broker(options.broker ?? 1).manager, {
      version: 9,
      replicaId: -1,
      isolationLevel: 0,
      partitions: [{ topicId, topic: 'events', partition: 0, currentLeaderEpoch: -1, timestamp }],
      ...options,
    });
  return { world, topicId, ask };
};

test('ListOffsets answers for the latest and earliest offset, a time, and the largest timestamp', () => {
  const { world, topicId, ask } = setUp();
  const stamp = world.clock.wallMs();
  world.broker(1).produce(topicId, 'a');
  world.advance(50);
  world.broker(1).produce(topicId, 'b');
  world.advance(50);
  world.network.cut('b1', 'b2');
  world.broker(1).produce(topicId, 'not yet committed');
  expect(ask(-1)).toEqual({ errorCode: 0, offset: 2, timestamp: -1, leaderEpoch: 0 });
  expect(ask(-1, { replicaId: 2 }).offset).toBe(3);
  expect(ask(-2)).toEqual({ errorCode: 0, offset: 0, timestamp: -1, leaderEpoch: 0 });
  expect(ask(stamp)).toEqual({ errorCode: 0, offset: 0, timestamp: stamp, leaderEpoch: 0 });
  expect(ask(stamp + 1).offset).toBe(1);
  // The newest record is uncommitted, so the consumer does not see it.
  expect(ask(-3)).toMatchObject({ errorCode: 0, offset: -1, timestamp: -1 });
  expect(ask(stamp + 1_000_000)).toMatchObject({ errorCode: 0, offset: -1 });
  expect(ask(-5)).toMatchObject({ errorCode: 0, offset: -1 });
});

test('the broker refuses special timestamps that the version lacks, unknown ones, and repeated partitions', () => {
  const { topicId, ask } = setUp();
  expect(ask(-3, { version: 6 }).errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION);
  expect(ask(-9).errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION);
  const one = { topicId, topic: 'events', partition: 0, currentLeaderEpoch: -1, timestamp: -1 };
  expect(ask(-1, { partitions: [one, one] }).errorCode).toBe(ErrorCode.INVALID_REQUEST);
  expect(ask(-1, { broker: 2 }).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  expect(ask(-1, { broker: 2, replicaId: -2 }).errorCode).toBe(0);
});

test('a leader epoch below -1 counts as an old one; only -1 means none', () => {
  const { world, topicId, ask } = setUp();
  const one = { topicId, topic: 'events', partition: 0, timestamp: -1 };
  const underEpoch = (currentLeaderEpoch: number) =>
    ask(-1, { partitions: [{ ...one, currentLeaderEpoch }] }).errorCode;
  expect([0, -1, -2, -2147483648, 1].map(underEpoch)).toEqual([
    ErrorCode.NONE,
    ErrorCode.NONE,
    ErrorCode.FENCED_LEADER_EPOCH,
    ErrorCode.FENCED_LEADER_EPOCH,
    ErrorCode.UNKNOWN_LEADER_EPOCH,
  ]);
  const asked = { topicId, topic: 'events', partition: 0, currentLeaderEpoch: -2, leaderEpoch: 0 };
  expect(world.broker(1).manager.offsetForLeaderEpoch([asked])[0]?.errorCode).toBe(
    ErrorCode.FENCED_LEADER_EPOCH,
  );
});

test('a new leader returns no log end until its high watermark has passed the start of its leader epoch', () => {
  const { world, topicId, ask } = setUp();
  // Broker 2 gets the record, but not the high watermark above it.
  world.broker(1).produce(topicId, 'a');
  while (world.partition(2, topicId).log.endOffset === 0) world.advance(1);
  world.network.cut('b1', 'b2');
  world.controller.elect(topicId, 0, 2);
  world.advance(20);
  expect(world.partition(2, topicId).highWatermark).toBe(0);
  expect(ask(-1, { broker: 2 }).errorCode).toBe(ErrorCode.OFFSET_NOT_AVAILABLE);
  expect(ask(-1, { broker: 2, version: 4 }).errorCode).toBe(ErrorCode.LEADER_NOT_AVAILABLE);
  expect(ask(-2, { broker: 2 }).offset).toBe(0);
  world.network.heal('b1', 'b2');
  world.advance(1000);
  expect(ask(-1, { broker: 2 })).toMatchObject({ errorCode: 0, offset: 1, leaderEpoch: 1 });
});

test('OffsetForLeaderEpoch returns where a leader epoch ended', () => {
  const { world, topicId } = setUp();
  world.broker(1).produce(topicId, 'a');
  world.advance(50);
  world.controller.elect(topicId, 0, 1);
  world.advance(20);
  const ask = (leaderEpoch: number, currentLeaderEpoch = -1) =>
    world
      .broker(1)
      .manager.offsetForLeaderEpoch([
        { topicId, topic: 'events', partition: 0, currentLeaderEpoch, leaderEpoch },
      ])[0];
  expect(ask(0)).toEqual({ errorCode: 0, leaderEpoch: 0, endOffset: 1 });
  expect(ask(1)).toEqual({ errorCode: 0, leaderEpoch: 1, endOffset: 1 });
  expect(ask(2)).toEqual({ errorCode: 0, leaderEpoch: -1, endOffset: -1 });
  expect(ask(0, 0)?.errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH);
});
