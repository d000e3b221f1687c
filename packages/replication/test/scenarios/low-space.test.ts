/**
 * Goal: a broker with less free space than min.free.bytes writes no records of clients, and serves everything
 * else. With room it continues by itself. No record is lost meanwhile. Method: whole replica managers on
 * disks in memory whose free space the test sets, under a toy controller.
 */
import type { Uuid } from '@millrace/base';
import { buildBatch, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { fetchFrom, fetchRequest } from '../support/fetching.ts';
import { valuesBelow } from '../support/logs.ts';
import { LoneReplica, ME, OTHER } from '../support/lone-replica.ts';
import { World } from '../support/world.ts';

const MIN_FREE = 1_000_000;
const LAG_MS = 2000;
/** The broker measures the free space at each checkpoint, every 5 s. */
const LOOK_MS = 5000;
const { KAFKA_STORAGE_ERROR, NONE, NOT_ENOUGH_REPLICAS } = ErrorCode;

/** All three replicas have the record `v0`; broker 1 leads. */
function cluster(topicName = 'events') {
  const world = new World({ config: { minFreeBytes: MIN_FREE, replicaLagTimeMaxMs: LAG_MS } }).start();
  const topic = world.controller.createTopic(topicName, [[1, 2, 3]]);
  world.advance(20);
  world.broker(1).produce(topic, 'v0');
  world.advance(1000);
  return { world, topic };
}

function setMinIsr(world: World): void {
  world.controller.commit([
    {
      type: 'config',
      resourceType: 'topic',
      resourceName: 'events',
      name: 'min.insync.replicas',
      value: '2',
    },
  ]);
}

function fill(world: World, ...ids: number[]): void {
  for (const id of ids) world.broker(id).disk.usableBytes = MIN_FREE - 1;
  world.advance(LOOK_MS);
}

function empty(world: World, ...ids: number[]): void {
  for (const id of ids) world.broker(id).disk.usableBytes = 10 * MIN_FREE;
}

test('the leader refuses a batch with a retriable error that says why, and accepts again by itself', () => {
  const { world, topic } = cluster();
  fill(world, 1);
  for (const acks of [-1, 1, 0]) {
    const refused = world.broker(1).produce(topic, 'refused', { acks });
    expect(refused.value).toMatchObject({
      errorCode: KAFKA_STORAGE_ERROR,
      message: '/data has 999999 bytes free, less than min.free.bytes (1000000)',
    });
  }
  expect(world.controller.image.partition(topic, 0)).toMatchObject({ leader: 1, isr: [1, 2, 3] });
  empty(world, 1);
  world.advance(1000);
  const accepted = world.broker(1).produce(topic, 'v1');
  world.advance(1000);
  expect(accepted.value?.errorCode).toBe(NONE);
  expect(valuesBelow(world.partition(3, topic))).toEqual(['v0', 'v1']);
});

test('a leader and a follower notice at once when their own appends have used up the room', () => {
  const { world, topic } = cluster();
  const ids = [1, 3];
  for (const id of ids) world.broker(id).disk.usableBytes = MIN_FREE + 10;
  world.advance(LOOK_MS);
  for (const id of ids) world.broker(id).disk.usableBytes = MIN_FREE - 90;
  const last = world.broker(1).produce(topic, 'v1');
  world.advance(100);
  expect(last.value?.errorCode).toBe(NONE);
  expect(ids.map((id) => world.broker(id).manager.shortage !== undefined)).toEqual([true, true]);
  expect(world.broker(2).manager.shortage).toBeUndefined();
});

test('after an append that failed on a full disk, the leader refuses the next batch without an attempt', () => {
  const { world, topic } = cluster();
  const { disk } = world.broker(1);
  disk.usableBytes = 0;
  disk.failWrites = 'ENOSPC';
  expect(world.broker(1).produce(topic, 'refused').value?.message).toContain('ENOSPC');
  expect(world.broker(1).produce(topic, 'refused').value?.message).toContain('min.free.bytes');
  disk.failWrites = undefined;
  empty(world, 1);
  world.advance(1000);
  const accepted = world.broker(1).produce(topic, 'v1');
  world.advance(1000);
  expect(accepted.value?.errorCode).toBe(NONE);
});

test.each([
  ['ENOSPC', 1],
  ['EIO', 0],
])('an append that fails with %s leads to %i measurements', (code, measurements) => {
  for (const leader of [ME, OTHER]) {
    const replica = new LoneReplica();
    if (leader === OTHER) replica.decide({ leader });
    replica.disk.failWrites = code;
    if (leader === ME) replica.produce(1);
    else replica.partition.appendAsFollower(batchOfLeader());
    expect({ leader, measurements: replica.failedAppends }).toEqual({ leader, measurements });
  }
});

/** A batch as a leader sends it, at offset 0 in leader epoch 0. */
function batchOfLeader(): Uint8Array {
  return buildBatch({
    leaderEpoch: 0,
    baseTimestamp: 0,
    records: [{ key: null, value: new Uint8Array(10) }],
  });
}

test('the leader still serves consumers and followers', () => {
  const { world, topic } = cluster();
  world.broker(3).isolate();
  world.broker(1).produce(topic, 'v1');
  fill(world, 1);
  world.broker(3).rejoin();
  world.advance(5000);
  expect(valuesBelow(world.partition(3, topic))).toEqual(['v0', 'v1']);
  expect(world.controller.image.partition(topic, 0)!.isr).toContain(3);
  const fetched = fetchFrom(world.broker(1).manager, fetchRequest([{ topicId: topic, fetchOffset: 0 }]));
  expect(fetched.response?.responses?.[0]?.partitions?.[0]).toMatchObject({
    errorCode: NONE,
    highWatermark: 2,
  });
});

test('the leader acknowledges a retry of a batch that it has already appended', () => {
  const { world, topic } = cluster();
  const first = world.broker(1).produce(topic, 'v1', { producerId: 7 });
  world.advance(1000);
  fill(world, 1);
  const retry = world.broker(1).produce(topic, 'v1', { producerId: 7 });
  world.advance(1000);
  expect(retry.value).toMatchObject({ errorCode: NONE, baseOffset: first.value!.baseOffset });
  const next = world.broker(1).produce(topic, 'v2', { producerId: 7, baseSequence: 1 });
  expect(next.value?.errorCode).toBe(KAFKA_STORAGE_ERROR);
});

test('a follower without room leaves the ISR instead of losing records, and comes back by itself', () => {
  const { world, topic } = cluster();
  fill(world, 3);
  const acknowledged = world.broker(1).produce(topic, 'v1');
  world.advance(500);
  // While broker 3 is in the ISR, the leader acknowledges nothing that broker 3 lacks.
  expect(acknowledged.value).toBeUndefined();
  world.advance(2 * LAG_MS);
  expect(acknowledged.value?.errorCode).toBe(NONE);
  expect(world.controller.image.partition(topic, 0)!.isr).toEqual([1, 2]);
  expect(world.partition(3, topic).log.endOffset).toBe(1);
  empty(world, 3);
  world.advance(4000);
  expect(world.controller.image.partition(topic, 0)!.isr.toSorted()).toEqual([1, 2, 3]);
  expect(valuesBelow(world.partition(3, topic))).toEqual(['v0', 'v1']);
});

test('a follower without room stays in the ISR while there is nothing to append', () => {
  const { world, topic } = cluster();
  fill(world, 3);
  world.advance(10 * LAG_MS);
  expect(world.controller.image.partition(topic, 0)!.isr).toEqual([1, 2, 3]);
});

test('if an append of a follower begins its second shortage, the next fetch still reports that append', () => {
  const { world, topic } = cluster();
  fill(world, 2, 3);
  world.broker(1).produce(topic, 'v1');
  world.advance(500);
  empty(world, 2, 3);
  world.advance(5000);
  expect(valuesBelow(world.partition(3, topic))).toEqual(['v0', 'v1']);
  // Each broker measures after its next append, and finds that the room is used up.
  for (const id of [1, 2, 3]) world.broker(id).disk.usableBytes = MIN_FREE + 10;
  world.advance(LOOK_MS);
  for (const id of [1, 2, 3]) world.broker(id).disk.usableBytes = MIN_FREE - 90;
  const last = world.broker(1).produce(topic, 'v2');
  world.advance(LAG_MS / 2);
  expect([1, 2, 3].every((id) => world.broker(id).manager.shortage !== undefined)).toBe(true);
  expect(last.value?.errorCode).toBe(NONE);
  world.advance(10 * LAG_MS);
  expect(world.controller.image.partition(topic, 0)!.isr.toSorted()).toEqual([1, 2, 3]);
});

test('a follower that waited for room, and then has nothing to append, stays in the ISR in the next shortage', () => {
  const { world, topic } = cluster();
  fill(world, 3);
  world.broker(1).produce(topic, 'v1');
  world.advance(2 * LAG_MS);
  empty(world, 3);
  world.advance(4000);
  fill(world, 3);
  world.advance(10 * LAG_MS);
  expect(world.controller.image.partition(topic, 0)!.isr.toSorted()).toEqual([1, 2, 3]);
});

test('when every broker lacks room, no replica leaves the ISR, and all continue together', () => {
  const { world, topic } = cluster();
  fill(world, 1, 2, 3);
  expect(world.broker(1).produce(topic, 'refused').value?.errorCode).toBe(KAFKA_STORAGE_ERROR);
  world.advance(10 * LAG_MS);
  expect(world.controller.image.partition(topic, 0)!.isr).toEqual([1, 2, 3]);
  empty(world, 1, 2, 3);
  world.advance(1000);
  const accepted = world.broker(1).produce(topic, 'v1');
  world.advance(1000);
  expect(accepted.value?.errorCode).toBe(NONE);
});

test('if both followers lack room, acks=all fails below min ISR, and the leader commits nothing alone', () => {
  const { world, topic } = cluster();
  setMinIsr(world);
  fill(world, 2, 3);
  world.broker(1).produce(topic, 'v1');
  world.advance(2 * LAG_MS);
  // The followers have all committed records, but do not rejoin the ISR, because they cannot append the next
  // record.
  const { length } = world.controller.log;
  world.advance(10 * LAG_MS);
  expect(world.controller.log).toHaveLength(length);
  expect(world.controller.image.partition(topic, 0)!.isr).toEqual([1]);
  expect(world.broker(1).produce(topic, 'v2').value?.errorCode).toBe(NOT_ENOUGH_REPLICAS);
  expect(world.partition(1, topic).highWatermark).toBe(1);
  empty(world, 2, 3);
  world.advance(4000);
  expect(valuesBelow(world.partition(1, topic))).toEqual(['v0', 'v1']);
  expect(world.controller.image.partition(topic, 0)!.isr.toSorted()).toEqual([1, 2, 3]);
});

function failedAppends(world: World): number {
  return world.logger.events.filter(({ event }) => event === 'follower-append-failed').length;
}

test('a follower in the ISR whose appends exceed a quota retries after replica.fetch.backoff.ms', () => {
  const { world, topic } = cluster();
  const { disk } = world.broker(3);
  disk.failWrites = 'EDQUOT';
  const failures = () => failedAppends(world);
  const acknowledged = world.broker(1).produce(topic, 'v1');
  world.advance(LAG_MS / 2);
  expect(failures()).toBeGreaterThan(3);
  expect(acknowledged.value).toBeUndefined();
  disk.failWrites = undefined;
  world.advance(500);
  expect(acknowledged.value?.errorCode).toBe(NONE);
  expect(world.controller.image.partition(topic, 0)!.isr).toEqual([1, 2, 3]);
});

test('a follower outside of the ISR whose appends exceed a quota tries once in a lag time, and comes back by itself', () => {
  const { world, topic } = cluster();
  const { disk } = world.broker(3);
  disk.failWrites = 'EDQUOT';
  world.broker(1).produce(topic, 'v1');
  world.advance(3 * LAG_MS);
  const failures = () => failedAppends(world);
  expect(world.controller.image.partition(topic, 0)!.isr).toEqual([1, 2]);
  const before = failures();
  world.advance(10 * LAG_MS);
  expect(failures() - before).toBeGreaterThanOrEqual(9);
  expect(failures() - before).toBeLessThanOrEqual(10);
  disk.failWrites = undefined;
  world.advance(3 * LAG_MS);
  expect(world.controller.image.partition(topic, 0)!.isr.toSorted()).toEqual([1, 2, 3]);
});

test('below min ISR, a follower whose appends exceed a quota may join the ISR and leave it again, at most once in a lag time', () => {
  const { world, topic } = cluster();
  setMinIsr(world);
  for (const id of [2, 3]) world.broker(id).disk.failWrites = 'EDQUOT';
  world.broker(1).produce(topic, 'v1');
  world.advance(4 * LAG_MS);
  const { length } = world.controller.log;
  world.advance(20 * LAG_MS);
  const changes = world.controller.log.length - length;
  // Two followers, and each change is a join or a leave.
  expect(changes).toBeLessThanOrEqual(2 * 2 * 20);
  expect(world.partition(1, topic).highWatermark).toBe(1);
  for (const id of [2, 3]) world.broker(id).disk.failWrites = undefined;
  world.advance(3 * LAG_MS);
  expect(valuesBelow(world.partition(1, topic))).toEqual(['v0', 'v1']);
  expect(world.controller.image.partition(topic, 0)!.isr.toSorted()).toEqual([1, 2, 3]);
});

/** Appends one record at broker 1 as a coordinator. Returns the error codes of the answers. */
function coordinate(world: World, topicId: Uuid): ErrorCode[] {
  const records = buildBatch({ baseTimestamp: 0, records: [{ key: new Uint8Array(1), value: null }] });
  const { leaderEpoch } = world.partition(1, topicId);
  const settled: ErrorCode[] = [];
  world
    .broker(1)
    .manager.coordination.append({ topicId, index: 0, leaderEpoch, records }, ({ errorCode }) =>
      settled.push(errorCode),
    );
  world.advance(1000);
  return settled;
}

test('records of coordinators may use the space down to half of min.free.bytes, at the leader and its followers', () => {
  const { world, topic } = cluster('__consumer_offsets');
  fill(world, 1, 2, 3);
  expect(coordinate(world, topic)).toEqual([NONE]);
  expect(world.partition(3, topic).log.endOffset).toBe(2);
  for (const id of [1, 3]) world.broker(id).disk.usableBytes = MIN_FREE / 2 - 1;
  world.advance(LOOK_MS);
  expect(coordinate(world, topic)).toEqual([KAFKA_STORAGE_ERROR]);
  world.broker(1).disk.usableBytes = MIN_FREE - 1;
  world.advance(1000);
  coordinate(world, topic);
  expect(world.partition(2, topic).log.endOffset).toBe(3);
  expect(world.partition(3, topic).log.endOffset).toBe(2);
  world.broker(3).disk.usableBytes = MIN_FREE - 1;
  world.advance(4000);
  expect(world.partition(3, topic).log.endOffset).toBe(3);
});

test('a client that writes to an internal topic may not use the space for coordinators', () => {
  const { world, topic } = cluster('__consumer_offsets');
  fill(world, 1);
  expect(world.broker(1).produce(topic, 'refused').value?.errorCode).toBe(KAFKA_STORAGE_ERROR);
});
