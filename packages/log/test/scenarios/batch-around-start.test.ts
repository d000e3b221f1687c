/**
 * Goal: if a log's start offset lies within a batch of its leader, the log takes that batch. Method: empties
 * a log at start offset 100 in each possible way, appends the leader's batch from 90 to 109, and compares the
 * end state.
 */
import { DiskError } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { ErrorCode, readBatchHeader } from '@millrace/protocol';
import { expect, test } from 'vitest';
import type { PartitionLog } from '../../src/index.ts';
import { append, batch, concat, contents, DIRECTORY, NOW, openLog, sequenced } from '../support/logs.ts';

const START = 100;
const EPOCH = 5;
const around = sequenced(7, 0, 20, { baseOffset: 90, leaderEpoch: EPOCH });
const next = sequenced(7, 20, 3, { baseOffset: 110, leaderEpoch: EPOCH });

function emptyAtStart(disk = new MemoryDisk()): PartitionLog {
  const log = openLog({ disk, config: { preallocate: false } });
  append(log, batch(3));
  log.truncateFullyAndStartAt(START);
  return log;
}

function expectFull(log: PartitionLog): void {
  expect([log.startOffset, log.endOffset, log.firstSegmentOffset]).toEqual([START, 113, 90]);
  expect(log.epochs.entries).toEqual([{ epoch: EPOCH, startOffset: START }]);
  expect(log.producers.get(7)?.batches.at(-1)?.lastSequence).toBe(22);
  expect(log.sizeBytes).toBe(around.length + next.length);
  expect(contents(log).at(-1)).toMatch(/^112:/);
  const { chunks } = log.read({ fromOffset: START, endOffsetMax: 113, maxBytes: 1, atLeastOneBatch: true });
  expect(readBatchHeader(chunks[0]!).baseOffset).toBe(90);
}

test('an empty log takes a batch that begins below its start and ends above it, and keeps its start', () => {
  const disk = new MemoryDisk();
  const log = emptyAtStart(disk);
  expect(log.appendAsFollower(around, NOW)).toEqual({ ok: true, endOffset: 110 });
  expect(log.appendAsFollower(next, NOW)).toEqual({ ok: true, endOffset: 113 });
  expectFull(log);
  log.close({ clean: true });
  for (const cleanShutdown of [true, false])
    expectFull(openLog({ disk, cleanShutdown, startOffset: START, recoveryPoint: START }));
});

test('several batches arrive in one answer, and fill several segments', () => {
  const log = openLog({ config: { segmentBytes: around.length } });
  log.truncateFullyAndStartAt(START);
  expect(log.appendAsFollower(concat([around, next, next.subarray(0, 70)]), NOW)).toEqual({
    ok: true,
    endOffset: 113,
  });
  expect(log.segmentCount).toBe(2);
  expectFull(log);
});

test('an empty log refuses a batch that ends below the log start offset, and takes a batch that ends at this offset', () => {
  const log = emptyAtStart();
  expect(log.appendAsFollower(batch(10, { baseOffset: 90, leaderEpoch: EPOCH }), NOW)).toMatchObject({
    errorCode: ErrorCode.CORRUPT_MESSAGE,
  });
  expect(log.appendAsFollower(batch(11, { baseOffset: 90, leaderEpoch: EPOCH }), NOW)).toEqual({
    ok: true,
    endOffset: 101,
  });
  expect(log.startOffset).toBe(START);
});

test('a batch that is damaged, incomplete or behind a gap changes nothing', () => {
  const log = emptyAtStart();
  const refused = { errorCode: ErrorCode.CORRUPT_MESSAGE };
  const damaged = around.slice();
  damaged[damaged.length - 1]! ^= 1;
  const gap = sequenced(7, 20, 3, { baseOffset: 111, leaderEpoch: EPOCH });
  for (const bytes of [damaged, gap, concat([around, gap])])
    expect(log.appendAsFollower(bytes, NOW)).toMatchObject(refused);
  expect(log.appendAsFollower(around.subarray(0, -1), NOW)).toEqual({ ok: true, endOffset: START });
  expect([log.startOffset, log.endOffset, log.firstSegmentOffset]).toEqual([START, START, START]);
  expect(log.epochs.entries).toEqual([]);
});

test('a log that has records takes no batch that begins below its end', () => {
  const log = emptyAtStart();
  log.appendAsFollower(batch(1, { baseOffset: START, leaderEpoch: EPOCH }), NOW);
  expect(log.appendAsFollower(around, NOW)).toMatchObject({ errorCode: ErrorCode.CORRUPT_MESSAGE });
  expect([log.startOffset, log.endOffset]).toEqual([START, 101]);
});

test('a truncation into the batch around the log start empties the log, which takes the batch again', () => {
  const log = emptyAtStart();
  log.appendAsFollower(around, NOW);
  log.truncateTo(105);
  expect([log.startOffset, log.endOffset]).toEqual([START, START]);
  log.appendAsFollower(concat([around, next]), NOW);
  expectFull(log);
});

test('a log that recovery emptied, because it ended below its start, takes the batch again', () => {
  const disk = new MemoryDisk();
  const before = emptyAtStart(disk);
  before.appendAsFollower(around, NOW);
  before.close({ clean: false });
  const file = disk.open(`${DIRECTORY}/00000000000000000090.log`);
  file.truncate(around.length - 1);
  const log = openLog({ disk, startOffset: START, recoveryPoint: START });
  expect([log.startOffset, log.endOffset]).toEqual([START, START]);
  log.appendAsFollower(concat([around, next]), NOW);
  expectFull(log);
});

test('if the disk refuses the batch, the log stays empty at its start, and takes the batch later', () => {
  const disk = new MemoryDisk();
  const log = emptyAtStart(disk);
  disk.failWrites = 'ENOSPC';
  expect(log.appendAsFollower(around, NOW)).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
  expect([log.startOffset, log.endOffset]).toEqual([START, START]);
  disk.failWrites = undefined;
  expect(log.offline).toBeUndefined();
  log.appendAsFollower(concat([around, next]), NOW);
  expectFull(log);
});

test('if the log goes offline during the append, it does not end below its start', () => {
  class Failing extends MemoryDisk {
    isFailing = false;
    override open(path: string): ReturnType<MemoryDisk['open']> {
      if (this.isFailing && path.includes('90.')) throw new DiskError('EIO', `${path}: broken`);
      return super.open(path);
    }
  }
  const disk = new Failing();
  const log = emptyAtStart(disk);
  disk.isFailing = true;
  expect(log.appendAsFollower(around, NOW)).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
  expect([log.startOffset, log.endOffset]).toEqual([START, START]);
});
