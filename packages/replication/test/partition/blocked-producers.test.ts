/**
 * Goal: after a producer's first batch failed, the leader appends no later batch of this producer before the
 * first one. The leader does not remember the producer for ever. Method: first the set of blocked producers
 * alone, with a log; then a cluster with a toy controller.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { PartitionLog } from '@millrace/log';
import { buildBatch, ErrorCode } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { BlockedBeforeOpen, BlockedProducers } from '../../src/partition/blocked-producers.ts';
import type { ProduceResult } from '../../src/types.ts';
import { batchOf } from '../support/batches.ts';
import { valuesBelow } from '../support/logs.ts';
import { logConfig } from '../support/settings.ts';
import { World } from '../support/world.ts';

const ALL = [[1, 2, 3]];
const MINUTE_MS = 60_000;

const batch = (baseSequence: number, producerId = 7, producerEpoch = 0) =>
  buildBatch({
    baseTimestamp: 0,
    records: [{ value: new Uint8Array(1) }],
    producerId,
    producerEpoch,
    baseSequence,
  });

const emptyLog = () =>
  PartitionLog.open({
    disk: new MemoryDisk(),
    directory: '/data/t-0',
    nowWallMs: 0,
    cleanShutdown: false,
    codecs: compressionCodecs,
    logger: new MemoryLogger(),
    config: logConfig,
  });

test('batches after a refused first batch must wait while the producer may still retry the first batch', () => {
  const blocked = new BlockedProducers();
  const log = emptyLog();
  blocked.batchFailed(batch(0), 0);
  expect(blocked.mustWait(batch(1), log, 5 * MINUTE_MS)).toBe(true);
  expect(blocked.mustWait(batch(0), log, 0)).toBe(false);
  expect(blocked.mustWait(batch(1, 7, 1), log, 0)).toBe(false);
  expect(blocked.mustWait(batch(1), log, 5 * MINUTE_MS + 1)).toBe(false);
  expect(blocked.isEmpty).toBe(true);
});

test('a producer that continues its sequences in a new topic waits, too, until it retries the first batch', () => {
  const blocked = new BlockedProducers();
  const log = emptyLog();
  blocked.batchFailed(batch(9), 0);
  expect(blocked.mustWait(batch(10), log, 0)).toBe(true);
  blocked.batchFailed(batch(10), 0);
  expect(blocked.mustWait(batch(10), log, 0)).toBe(true);
  expect(blocked.mustWait(batch(9), log, 0)).toBe(false);
  blocked.appended(batch(9));
  expect(blocked.isEmpty).toBe(true);
});

test('once the log knows a producer, its batches do not wait, even if the log drops the producer again', () => {
  const blocked = new BlockedProducers();
  const log = emptyLog();
  blocked.batchFailed(batch(0), 0);
  // Now the log has the batch, as if it had come by replication.
  log.appendAsLeader(batch(0), { leaderEpoch: 0, nowWallMs: 0 });
  expect(blocked.mustWait(batch(1), log, 1)).toBe(false);
  log.producers.clear();
  expect(blocked.mustWait(batch(1), log, 1)).toBe(false);
});

test('a replica that opens takes over the producers that were blocked under the id or the name of its topic', () => {
  const beforehand = new BlockedBeforeOpen();
  beforehand.batchFailed('id', 0, batch(0, 1), 0);
  beforehand.batchFailed('name', 0, batch(0, 2), 0);
  beforehand.batchFailed('name', 1, batch(0, 3), 0);
  beforehand.batchFailed('name', 0, batch(-1, 4), 0);
  const log = emptyLog();
  const taken = beforehand.take({ topicId: 'id', topic: 'name', index: 0 });
  expect([1, 2, 3, 4].map((id) => taken.mustWait(batch(9, id), log, 0))).toEqual([true, true, false, false]);
  expect(beforehand.take({ topicId: 'id', topic: 'name', index: 0 }).isEmpty).toBe(true);
});

test('all partitions of a topic with thousands of them remember a producer until they open', () => {
  const beforehand = new BlockedBeforeOpen();
  const count = 10_000;
  for (let index = 0; index < count; index++) beforehand.batchFailed('id', index, batch(0), 0);
  const log = emptyLog();
  for (const index of [0, 64, count - 1]) {
    const taken = beforehand.take({ topicId: 'id', topic: 'name', index });
    expect(taken.mustWait(batch(1), log, 0)).toBe(true);
  }
});

test('above the limit, the partition that was blocked first forgets its producers', () => {
  const beforehand = new BlockedBeforeOpen();
  for (let index = 0; index <= 50; index++)
    for (let id = 0; id < 1000; id++) beforehand.batchFailed('id', index, batch(0, id), 0);
  const isForgotten = (index: number) => beforehand.take({ topicId: 'id', topic: 'name', index }).isEmpty;
  expect([0, 1, 50].map(isForgotten)).toEqual([true, false, false]);
});

test('the leader does not append a batch after a refused first batch until the first batch is retried', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  const producer = { producerId: 7 };
  // The producer sends this batch to broker 2 a moment before broker 2 leads. The next batch is already in
  // flight.
  const first = world.broker(2).produce(topic, 'first', { ...producer, baseSequence: 0 });
  expect(first.value?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  world.controller.elect(topic, 0, 2);
  world.advance(20);
  const second = world.broker(2).produce(topic, 'second', { ...producer, baseSequence: 1 });
  expect(second.value?.errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
  const again = [
    world.broker(2).produce(topic, 'first', { ...producer, baseSequence: 0 }),
    world.broker(2).produce(topic, 'second', { ...producer, baseSequence: 1 }),
  ];
  world.advance(50);
  expect(again.map(({ value }) => value?.errorCode)).toEqual([ErrorCode.NONE, ErrorCode.NONE]);
  expect(valuesBelow(world.partition(2, topic))).toEqual(['first', 'second']);
  // A producer that this broker never refused may begin at any sequence (KIP-360).
  expect(
    world.broker(2).produce(topic, 'x', { producerId: 8, baseSequence: 5, acks: 1 }).value?.errorCode,
  ).toBe(ErrorCode.NONE);
});

test('later batches also wait for a first batch that was refused while the replica could not be opened', () => {
  const world = new World().start();
  const [first, second] = [
    { producerId: 7, baseSequence: 0 },
    { producerId: 7, baseSequence: 1 },
  ];
  world.broker(1).disk.failWrites = 'ENOSPC';
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  expect(world.broker(1).produce(topic, 'first', first).value?.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  world.broker(1).disk.failWrites = undefined;
  world.advance(world.config.highWatermarkCheckpointIntervalMs + 100);
  const early = world.broker(1).produce(topic, 'second', second);
  expect(early.value?.errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
  world.broker(1).produce(topic, 'first', first);
  world.broker(1).produce(topic, 'second', second);
  world.advance(100);
  expect(valuesBelow(world.partition(1, topic))).toEqual(['first', 'second']);
});

test.each(['id', 'name'])('later batches wait for a first batch refused for an unknown topic %s', (by) => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  const first = { producerId: 7, baseSequence: 0 };
  if (by === 'id') {
    const { value } = world.broker(1).produce(topic, 'first', first);
    expect(value?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  } else {
    const records = buildBatch({
      baseTimestamp: 0,
      records: [{ value: new Uint8Array(1) }],
      ...first,
      producerEpoch: 0,
    });
    const unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    const partitions = [{ topicId: ZERO_UUID, topic: 'events', partition: 0, unknown, records }];
    const results: ProduceResult[] = [];
    const request = { acks: -1, timeoutMs: 1000, apiVersion: 9, partitions };
    world.broker(1).manager.produce(request, (settled) => results.push(...settled));
    expect(results.map(({ errorCode }) => errorCode)).toEqual([unknown]);
  }
  world.advance(20);
  const early = world.broker(1).produce(topic, 'second', { producerId: 7, baseSequence: 1 });
  expect(early.value?.errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
});

test.each([
  ['by name (Produce 9)', (_topicId: Uuid) => ZERO_UUID, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
  ['by id (Produce 13)', (topicId: Uuid) => topicId, ErrorCode.UNKNOWN_TOPIC_ID],
])('a batch fails if its topic is created while a job checks an earlier batch: %s', (_, idOf, unknown) => {
  const world = new World({ config: { loopWorkMax: 2000 } }).start();
  const events = world.controller.createTopic('events', ALL);
  world.advance(20);
  const broker = world.broker(1);
  const first = { producerId: 7, producerEpoch: 0, baseSequence: 0 };
  const codes: ErrorCode[] = [];
  // The toy controller numbers its topics.
  const moreId = events.replace('0', '1') as Uuid;
  const partitions = [
    { topicId: events, topic: 'events', partition: 0, records: batchOf(new Uint8Array(50_000)) },
    { topicId: idOf(moreId), topic: 'more', partition: 0, unknown, records: batchOf('first', first) },
  ];
  broker.manager.produce({ acks: -1, timeoutMs: 1000, apiVersion: 13, partitions }, (results) => {
    codes.push(...results.map(({ errorCode }) => errorCode));
  });
  const more = world.controller.createTopic('more', ALL);
  expect(more).toBe(moreId);
  world.advance(20);
  broker.jobs.finishAll();
  world.advance(1000);
  expect(codes).toEqual([ErrorCode.NONE, unknown]);
  const early = broker.produce(more, 'second', { producerId: 7, baseSequence: 1 });
  expect(early.value?.errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
  const retried = broker.produce(more, 'first', { producerId: 7, baseSequence: 0 });
  world.advance(1000);
  expect(retried.value?.errorCode).toBe(ErrorCode.NONE);
});
