/**
 * Goal: each replica removes its expired segments by itself. No committed record at or above a log start
 * offset is lost. Consumers, and replicas with other start offsets, continue. Method: whole replica managers
 * with a toy controller and a manual clock.
 */
import type { Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { fetchFrom, fetchRequest, partitionsOf } from '../support/fetching.ts';
import { valuesBelow } from '../support/logs.ts';
import { World } from '../support/world.ts';

const ALL = [[1, 2, 3]];
const CHECK_MS = 1000;
const RETENTION_MS = 20_000;
/** Each batch has a segment of its own. */
const CONFIGS = {
  'segment.bytes': '100',
  'retention.ms': String(RETENTION_MS),
  'file.delete.delay.ms': '5000',
};

function setUp(o: { configs?: Record<string, string>; replicas?: number[][]; brokers?: number } = {}) {
  const config = { retentionInitialDelayMs: CHECK_MS, retentionCheckIntervalMs: CHECK_MS };
  const world = new World({ config, brokers: o.brokers ?? 3 }).start();
  const topic = world.controller.createTopic('events', o.replicas ?? ALL, { ...CONFIGS, ...o.configs });
  world.advance(100);
  return { world, topic };
}

function produce(world: World, topic: Uuid, ...values: string[]): void {
  const leader = world.controller.image.partition(topic, 0)!.leader;
  for (const value of values) {
    const answer = world.broker(leader).produce(topic, value);
    world.advance(50);
    expect(answer.value?.errorCode).toBe(ErrorCode.NONE);
  }
}

const startsOf = (world: World, topic: Uuid): number[] =>
  [1, 2, 3].map((id) => world.partition(id, topic).log.startOffset);

const filesOf = (world: World, id: number, pattern: RegExp): string[] =>
  world
    .broker(id)
    .disk.list('/data/events-0')
    .filter((name) => pattern.test(name));

test('leader and followers expire the same old records, and unlink the files after file.delete.delay.ms', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b');
  world.advance(RETENTION_MS - 5000);
  produce(world, topic, 'c');
  world.advance(6500);
  expect(startsOf(world, topic)).toEqual([2, 2, 2]);
  for (const id of [1, 2, 3]) {
    expect(valuesBelow(world.partition(id, topic))).toEqual(['c']);
    expect(filesOf(world, id, /\.log$/)).toHaveLength(1);
    expect(filesOf(world, id, /\.log\.deleted$/)).toHaveLength(2);
  }
  world.advance(5100);
  for (const id of [1, 2, 3]) expect(filesOf(world, id, /deleted$/)).toEqual([]);
  world.advance(RETENTION_MS);
  expect(startsOf(world, topic)).toEqual([3, 3, 3]);
  produce(world, topic, 'd');
  for (const id of [1, 2, 3]) expect(valuesBelow(world.partition(id, topic))).toEqual(['d']);
});

test('a consumer with a position below the log start offset gets OFFSET_OUT_OF_RANGE, and continues at the start', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b');
  world.advance(RETENTION_MS - 5000);
  produce(world, topic, 'c');
  world.advance(6500);
  const fetch = (fetchOffset: number) =>
    partitionsOf(
      fetchFrom(world.broker(1).manager, fetchRequest([{ topicId: topic, fetchOffset }])).response,
    )[0];
  expect(fetch(1)?.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  expect(fetch(2)).toMatchObject({ errorCode: ErrorCode.NONE, logStartOffset: 2 });
});

test('old records expire only when they are committed', () => {
  const { world, topic } = setUp({ configs: { 'min.insync.replicas': '3' } });
  produce(world, topic, 'a');
  world.broker(3).kill();
  world.advance(500);
  world.broker(1).produce(topic, 'refused');
  world.broker(1).produce(topic, 'uncommitted', { acks: 1 });
  world.advance(RETENTION_MS + 2 * CHECK_MS);
  expect(world.partition(1, topic).highWatermark).toBe(1);
  expect(world.partition(1, topic).log.startOffset).toBe(1);
  expect(world.partition(1, topic).log.endOffset).toBe(2);
  world.broker(3).start();
  world.advance(5000);
  expect(startsOf(world, topic)).toEqual([2, 2, 2]);
});

test('retention.bytes removes the oldest segments as long as the remaining ones together have at least that size', () => {
  const { world, topic } = setUp({ configs: { 'retention.bytes': '200', 'retention.ms': '-1' } });
  produce(world, topic, 'a', 'b', 'c', 'd', 'e');
  const sizeBytes = world.partition(1, topic).log.sizeBytes / 5;
  world.advance(2 * CHECK_MS);
  const kept = Math.ceil(200 / sizeBytes);
  expect(startsOf(world, topic)).toEqual([5 - kept, 5 - kept, 5 - kept]);
});

test('a setting that changes while the broker runs counts from the next look on', () => {
  const { world, topic } = setUp({ configs: { 'retention.ms': '-1' } });
  produce(world, topic, 'a');
  world.advance(2 * RETENTION_MS);
  expect(startsOf(world, topic)).toEqual([0, 0, 0]);
  world.controller.commit([
    { type: 'config', resourceType: 'topic', resourceName: 'events', name: 'retention.ms', value: '1000' },
  ]);
  world.advance(2 * CHECK_MS);
  expect(startsOf(world, topic)).toEqual([1, 1, 1]);
});

test('a new follower of a log that starts above 0 begins there', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b', 'c');
  world.broker(3).kill();
  world.advance(RETENTION_MS + 2 * CHECK_MS);
  produce(world, topic, 'd');
  // With a new disk, nothing tells the follower where the log starts.
  world.broker(3).disk.remove('/data');
  world.broker(3).start();
  world.advance(3000);
  const { log } = world.partition(3, topic);
  expect([log.startOffset, log.endOffset]).toEqual([3, 4]);
  expect(valuesBelow(world.partition(3, topic))).toEqual(['d']);
  expect(world.controller.image.partition(topic, 0)?.isr).toContain(3);
});

test('a follower with a higher start offset than its leader may become leader: the others take its start and lose no record above it', () => {
  const { world, topic } = setUp({ configs: { 'retention.ms': '-1' } });
  produce(world, topic, 'a', 'b', 'c', 'd');
  world.advance(1000);
  // The follower's clock or its files differ, so it expires records earlier.
  world.partition(2, topic).log.advanceStartOffset(2);
  world.advance(2000);
  expect(startsOf(world, topic)).toEqual([0, 2, 0]);
  produce(world, topic, 'e');
  world.controller.elect(topic, 0, 2);
  world.advance(2000);
  expect(startsOf(world, topic)).toEqual([2, 2, 2]);
  produce(world, topic, 'f');
  world.advance(1000);
  for (const id of [1, 2, 3]) expect(valuesBelow(world.partition(id, topic))).toEqual(['c', 'd', 'e', 'f']);
  expect(world.controller.image.partition(topic, 0)?.isr).toHaveLength(3);
});

test('if the leader has expired all records of a follower that was away, the follower begins at the log start of the leader', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a');
  world.broker(3).kill();
  world.advance(500);
  produce(world, topic, 'b', 'c');
  world.advance(RETENTION_MS + 2 * CHECK_MS);
  produce(world, topic, 'd');
  expect(world.partition(1, topic).log.startOffset).toBe(3);
  world.broker(3).start();
  world.advance(3000);
  expect(valuesBelow(world.partition(3, topic))).toEqual(['d']);
  expect(startsOf(world, topic)).toEqual([3, 3, 3]);
  expect(world.controller.image.partition(topic, 0)?.isr).toHaveLength(3);
});

test('a restarted broker keeps its log start offset, and has no removed record', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b');
  world.advance(RETENTION_MS - 5000);
  produce(world, topic, 'c');
  world.advance(6500);
  world.broker(2).kill();
  world.advance(500);
  world.broker(2).start();
  world.advance(3000);
  expect(startsOf(world, topic)).toEqual([2, 2, 2]);
  expect(filesOf(world, 2, /deleted$/)).toEqual([]);
});

test('a topic is deleted before its removed segments are unlinked: a new topic of the same name keeps its files', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b');
  world.advance(RETENTION_MS + 2 * CHECK_MS);
  world.controller.commit([{ type: 'removeTopic', topicId: topic }]);
  world.advance(100);
  const next = world.controller.createTopic('events', ALL, CONFIGS);
  world.advance(100);
  produce(world, next, 'x', 'y');
  world.advance(8000);
  for (const id of [1, 2, 3]) expect(valuesBelow(world.partition(id, next))).toEqual(['x', 'y']);
});
