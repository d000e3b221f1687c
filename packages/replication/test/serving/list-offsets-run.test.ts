/**
 * Goal: a lookup by time that opens a costly batch does not block the event loop. Its answer shows the
 * partition as it is at the end of the lookup. A disk failure is an error, not "no such record". Method: a
 * cluster with a toy controller. Jobs run when the test says so.
 */
import { buildBatch, Compression, ErrorCode } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import type { ListOffsetsPartition, ListOffsetsResult } from '../../src/index.ts';
import { World } from '../support/world.ts';

const MANY = 120_000;
/** The offset of a record near the end of its batch. Reading the batch up to this record is costly. */
const LATE = MANY - 10;

function setUp() {
  const world = new World({ brokers: 2 }).start();
  const topicId = world.controller.createTopic('events', [[1, 2]]);
  world.advance(50);
  const leader = world.broker(1);
  const stamp = world.clock.wallMs();
  const partition = world.partition(1, topicId);
  const append = (timestamps: readonly number[]) => {
    const records = timestamps.map((timestamp) => ({ timestamp: stamp + timestamp }));
    const batch = buildBatch({
      records,
      baseTimestamp: stamp,
      compression: timestamps.length > 1 ? Compression.ZSTD : Compression.NONE,
      codecs: compressionCodecs,
    });
    const { leaderEpoch } = partition;
    partition.log.appendAsLeader(batch, { leaderEpoch, nowWallMs: stamp });
    partition.leadership?.advanceHighWatermark();
    world.advance(600);
  };
  const ask = (times: readonly number[], more: { timeoutMs?: number } = {}) => {
    const asked: { results: ListOffsetsResult[] | undefined; cancel: (() => void) | undefined } = {
      results: undefined,
      cancel: undefined,
    };
    const partitions = times.map(
      (time, index): ListOffsetsPartition => ({
        topicId,
        topic: `events-${index}`,
        partition: 0,
        currentLeaderEpoch: -1,
        timestamp: time < 0 ? time : stamp + time,
      }),
    );
    leader.clock.run(() => {
      asked.cancel = leader.manager.listOffsets(
        { version: 10, replicaId: -2, isolationLevel: 0, partitions, ...more },
        (results) => {
          asked.results = results;
        },
      );
    });
    return asked;
  };
  const finishJob = () => {
    // End this turn first, because a job finishes in a later turn.
    world.clock.settle();
    leader.clock.run(() => leader.jobs.finishOne());
  };
  return { world, topicId, leader, stamp, partition, append, ask, finishJob };
}

const many = (from: number) => Array.from({ length: MANY }, (_unused, index) => from + index);

test('a costly batch is opened in a job; a cheap one is not', () => {
  const { append, ask, finishJob, stamp } = setUp();
  append([5]);
  append(many(10));
  const cheap = ask([3]);
  expect([cheap.cancel, cheap.results?.[0]?.offset]).toEqual([undefined, 0]);
  const costly = ask([MANY]);
  expect([typeof costly.cancel, costly.results]).toEqual(['function', undefined]);
  finishJob();
  expect(costly.results).toEqual([
    { errorCode: ErrorCode.NONE, offset: MANY - 9, timestamp: stamp + MANY, leaderEpoch: 0 },
  ]);
});

test('a request runs one job at a time, whether it asks for the largest timestamp, several partitions, or a time after all records', () => {
  const { append, ask, finishJob, leader } = setUp();
  append(many(0));
  const asked = ask([-3, MANY - 7, 10 * MANY, -1]);
  for (let jobs = 0; jobs < 2; jobs++) {
    expect(leader.jobs.waiting).toHaveLength(1);
    finishJob();
  }
  expect(asked.results?.map(({ offset }) => offset)).toEqual([MANY - 1, MANY - 7, -1, MANY]);
});

test('the lookups of one request share the work limit of the turn: beyond it, a job opens the next batch', () => {
  const { append, ask, leader } = setUp();
  append(many(0).slice(0, 40_000));
  const asked = ask(Array.from({ length: 5 }, () => 39_999));
  expect([asked.results, leader.jobs.waiting.length]).toEqual([undefined, 1]);
  leader.clock.run(() => leader.jobs.finishAll());
  expect(asked.results?.map(({ offset }) => offset)).toEqual(Array(5).fill(39_999));
});

test('the lookups of all requests of a turn share its work limit; the next turn has a new limit', () => {
  const { world, append, ask, leader } = setUp();
  append(many(0).slice(0, 40_000));
  const offset = { offset: 39_999 };
  expect(ask([39_999]).results).toMatchObject([offset]);
  expect([ask([39_999]).results, leader.jobs.waiting.length]).toEqual([undefined, 1]);
  world.clock.settle();
  expect(ask([39_999]).results).toMatchObject([offset]);
});

test('the lookup continues after a costly batch without a match', () => {
  const { append, ask, finishJob, partition } = setUp();
  append(many(0).reverse());
  append([5]);
  // All records of this batch with a late enough timestamp lie before the log start.
  partition.log.advanceStartOffset(MANY - 1);
  const asked = ask([3]);
  finishJob();
  expect(asked.results).toMatchObject([{ offset: MANY }]);
});

test('a lookup that scans for long pauses until the next turn; its client may leave meanwhile', () => {
  const { append, ask, partition, stamp, world } = setUp();
  append([1_000]);
  for (let time = 1; time <= 20; time++) {
    const records = [{ timestamp: stamp + time, value: new Uint8Array(500_000) }];
    const batch = buildBatch({ records, baseTimestamp: stamp, codecs: compressionCodecs });
    partition.log.appendAsLeader(batch, { leaderEpoch: partition.leaderEpoch, nowWallMs: stamp });
  }
  // Only the deleted record has a timestamp that large.
  partition.log.advanceStartOffset(1);
  const largest = ask([-3]);
  const none = ask([900]);
  const gone = ask([900]);
  expect([largest.results, none.results, gone.results]).toEqual([undefined, undefined, undefined]);
  gone.cancel!();
  // The callbacks of `Clock.soon` run in this turn, so they must not continue a lookup.
  world.clock.settle();
  expect([largest.results, none.results]).toEqual([undefined, undefined]);
  world.advance(20);
  expect(largest.results).toMatchObject([{ offset: 20, timestamp: stamp + 20 }]);
  expect(none.results).toMatchObject([{ errorCode: ErrorCode.NONE, offset: -1 }]);
  expect(gone.results).toBeUndefined();
});

test('if the leader epoch changes while a job searches, the search starts again', () => {
  const { world, topicId, append, ask, finishJob, leader } = setUp();
  append(many(0));
  const asked = ask([LATE]);
  world.controller.elect(topicId, 0, 2);
  world.advance(20);
  world.controller.elect(topicId, 0, 1);
  world.advance(20);
  finishJob();
  expect([asked.results, leader.jobs.waiting.length]).toEqual([undefined, 1]);
  finishJob();
  expect(asked.results).toMatchObject([{ errorCode: ErrorCode.NONE, offset: LATE }]);
});

test('if the record that a job finds is deleted meanwhile, the search starts again', () => {
  const { append, ask, finishJob, partition, stamp } = setUp();
  append(many(0));
  const asked = ask([LATE]);
  partition.log.advanceStartOffset(LATE + 2);
  finishJob();
  expect(asked.results).toBeUndefined();
  finishJob();
  expect(asked.results).toMatchObject([{ offset: LATE + 2, timestamp: stamp + LATE + 2 }]);
});

test('a lookup in a job ends at its timeout, when its client or worker is gone, and when the broker stops', () => {
  const { world, append, ask, leader } = setUp();
  append(many(0));
  const late = ask([50], { timeoutMs: 300 });
  world.advance(299);
  expect(late.results).toBeUndefined();
  world.advance(1);
  expect(late.results).toMatchObject([{ errorCode: ErrorCode.REQUEST_TIMED_OUT }]);
  const gone = ask([LATE]);
  gone.cancel!();
  expect([gone.results, leader.jobs.waiting.length]).toEqual([undefined, 0]);
  const failed = ask([LATE, -1]);
  leader.clock.run(() => leader.jobs.failOne('the worker died: exit code 7'));
  expect(failed.results).toMatchObject([{ errorCode: ErrorCode.UNKNOWN_SERVER_ERROR }, { offset: MANY }]);
  leader.jobs.isFull = true;
  expect(ask([LATE]).results).toMatchObject([{ errorCode: ErrorCode.REQUEST_TIMED_OUT }]);
  leader.jobs.isFull = false;
  const stopped = ask([LATE]);
  leader.clock.run(() => leader.manager.close({ clean: true }, () => {}));
  expect(stopped.results).toMatchObject([{ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }]);
});

test('corrupt bytes are an error, not "no such record", and the replica counts as corrupt', () => {
  // Corrupts the start of the records, which the event loop notices, or their end, which a job notices.
  for (const { timestamps, at, jobs } of [
    { timestamps: [5], at: 62, jobs: 0 },
    { timestamps: many(0).slice(0, 40_000), at: 62, jobs: 0 },
    { timestamps: many(0), at: -8, jobs: 1 },
  ]) {
    const { append, ask, leader, partition } = setUp();
    append(timestamps);
    const file = leader.disk.open('/data/events-0/00000000000000000000.log');
    file.write(at < 0 ? partition.log.sizeBytes + at : at, [new Uint8Array(6).fill(0xff)]);
    // No readable record has the largest timestamp that the batch header names.
    const asked = ask([timestamps.at(-1)!]);
    expect(leader.jobs.waiting).toHaveLength(jobs);
    leader.clock.run(() => leader.jobs.finishAll());
    expect(asked.results).toMatchObject([{ errorCode: ErrorCode.KAFKA_STORAGE_ERROR, offset: -1 }]);
    expect(partition.corruption.reason).toContain('the checksum of a batch is wrong');
  }
});

test('a corrupt batch header is an error, and the replica counts as corrupt', () => {
  const { append, ask, leader, partition } = setUp();
  append([5]);
  const file = leader.disk.open('/data/events-0/00000000000000000000.log');
  file.write(0, [new Uint8Array(70)]);
  expect(ask([5, -3]).results).toMatchObject([
    { errorCode: ErrorCode.KAFKA_STORAGE_ERROR },
    { errorCode: ErrorCode.KAFKA_STORAGE_ERROR },
  ]);
  expect(partition.corruption.reason).toBeDefined();
});
