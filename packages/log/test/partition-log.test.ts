/** One partition's log, rule by rule. */
import { InvariantError } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import {
  Compression,
  checkBatchCrc,
  ErrorCode,
  readBatchHeader,
  readRecords,
  setMaxTimestamp,
} from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { deletedFolderName } from '../src/files/file-names.ts';
import type { PartitionLog } from '../src/index.ts';
import {
  append,
  batch,
  concat,
  contents,
  DIRECTORY,
  hitOf,
  largestHitOf,
  lead,
  NOW,
  openLog,
  readAll,
  sequenced,
  splitBatches,
  TOPIC_ID,
  withCrc,
} from './support/logs.ts';

function refusal(log: PartitionLog, bytes: Uint8Array, apiVersion?: number): ErrorCode {
  const answer = lead(log, bytes, apiVersion);
  if (answer.ok) throw new Error('the batch was accepted');
  expect(answer.message).not.toBe('');
  expect(log.endOffset).toBe(0);
  return answer.errorCode;
}

function set(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  bytes.set(values, at);
  return bytes;
}

test('a leader stamps offsets and its epoch, and the records read back', () => {
  const log = openLog();
  expect(lead(log, batch(2, { values: ['a', 'b'] }))).toEqual({
    ok: true,
    baseOffset: 0,
    lastOffset: 1,
    logAppendTimeMs: -1,
    startOffset: 0,
    duplicate: false,
  });
  expect(lead(log, batch(1, { values: ['c'] }))).toMatchObject({ baseOffset: 2, lastOffset: 2 });
  expect(contents(log)).toEqual(['0:a', '1:b', '2:c']);
  expect(readBatchHeader(readAll(log)[1]!).leaderEpoch).toBe(3);
  expect(log.epochs.entries).toEqual([{ epoch: 3, startOffset: 0 }]);
});

test("the log refuses anything but one valid batch, with Kafka's error code", () => {
  const log = openLog({ config: { maxMessageBytes: 200 } });
  expect(refusal(log, new Uint8Array(0))).toBe(ErrorCode.INVALID_RECORD);
  expect(refusal(log, batch(1).subarray(0, 40))).toBe(ErrorCode.INVALID_RECORD);
  expect(refusal(log, batch(1).subarray(0, -1))).toBe(ErrorCode.INVALID_RECORD);
  expect(refusal(log, set(batch(1), 8, 0, 0, 0, 1))).toBe(ErrorCode.CORRUPT_MESSAGE);
  expect(refusal(log, set(batch(1), 16, 1))).toBe(ErrorCode.INVALID_RECORD);
  expect(refusal(log, concat([batch(1), batch(1)]))).toBe(ErrorCode.INVALID_RECORD);
  expect(refusal(log, batch(1, { baseOffset: 1 }))).toBe(ErrorCode.INVALID_RECORD);
  expect(refusal(log, batch(1, { valueBytes: 201 }))).toBe(ErrorCode.MESSAGE_TOO_LARGE);
  expect(refusal(log, set(batch(1), 70, 255))).toBe(ErrorCode.CORRUPT_MESSAGE);
  const miscounted = batch(2);
  new DataView(miscounted.buffer).setInt32(23, 2);
  expect(refusal(log, withCrc(miscounted))).toBe(ErrorCode.INVALID_RECORD);
  for (const compression of [Compression.NONE, Compression.GZIP]) {
    const boastful = batch(1, { compression });
    new DataView(boastful.buffer).setInt32(23, 0x7ffffffe);
    new DataView(boastful.buffer).setInt32(57, 0x7fffffff);
    expect(refusal(log, withCrc(boastful))).toBe(ErrorCode.INVALID_RECORD);
  }
  expect(refusal(log, batch(1, { isControl: true }))).toBe(ErrorCode.INVALID_RECORD);
  expect(refusal(log, batch(1, { producerId: 5, producerEpoch: 0 }))).toBe(ErrorCode.INVALID_RECORD);
  const zstd = { compression: Compression.ZSTD };
  expect(refusal(log, batch(1, zstd), 6)).toBe(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE);
  expect(lead(log, batch(1, zstd), 7).ok).toBe(true);
});

test('the log refuses a batch larger than a segment, and one of an unknown transaction', () => {
  const log = openLog({ config: { segmentBytes: 150 } });
  expect(refusal(log, batch(1, { valueBytes: 200 }))).toBe(ErrorCode.RECORD_LIST_TOO_LARGE);
  expect(refusal(log, sequenced(7, 0, 1, { isTransactional: true }))).toBe(ErrorCode.INVALID_TXN_STATE);
});

test('the log refuses timestamps too far ahead or back, and names the records', () => {
  const log = openLog({ config: { timestampAfterMaxMs: 1000, timestampBeforeMaxMs: 5000 } });
  const ahead = lead(log, batch(3, { timestamps: [NOW, NOW + 1001, NOW + 1000] }));
  expect(ahead).toMatchObject({ ok: false, errorCode: ErrorCode.INVALID_TIMESTAMP });
  expect(!ahead.ok && ahead.recordErrors?.map((error) => error.batchIndex)).toEqual([1]);
  const compressed = { compression: Compression.GZIP, timestamps: [NOW - 5001, NOW] };
  const back = lead(log, batch(2, compressed));
  expect(!back.ok && back.recordErrors?.map((error) => error.batchIndex)).toEqual([0]);
  expect(lead(log, batch(2, { timestamps: [NOW - 5000, NOW + 1000] })).ok).toBe(true);
  expect(lead(log, batch(1, { timestamps: [-1] })).ok).toBe(true);
});

test('the log corrects a wrong largest timestamp in the header from the records', () => {
  const log = openLog({ config: { timestampAfterMaxMs: 1000 } });
  const claim = (maxTimestamp: number, o: Parameters<typeof batch>[1] = {}) => {
    const bytes = batch(3, { timestamps: [NOW, NOW + 20, NOW + 10], ...o });
    setMaxTimestamp(bytes, 0, maxTimestamp);
    return bytes;
  };
  const claims = [claim(-1), claim(NOW - 1, { compression: Compression.GZIP }), claim(NOW + 1_000_000)];
  for (const bytes of claims) append(log, bytes);
  for (const stored of readAll(log)) {
    expect(readBatchHeader(stored).maxTimestamp).toBe(NOW + 20);
    expect(checkBatchCrc(stored, 0, stored.length)).toBe(true);
  }
  expect(hitOf(log, NOW + 15)).toMatchObject({ offset: 1, timestamp: NOW + 20 });
  const tooLate = claim(-1, { timestamps: [NOW, NOW + 2000, NOW] });
  expect(lead(log, tooLate)).toMatchObject({ ok: false, errorCode: ErrorCode.INVALID_TIMESTAMP });
});

test("LogAppendTime: the leader stamps its time; CreateTime: it clears a client's LogAppendTime bit", () => {
  const log = openLog({ config: { timestampType: 'LogAppendTime' } });
  const answer = lead(log, batch(2, { timestamps: [5, 6] }));
  expect(answer).toMatchObject({ ok: true, logAppendTimeMs: NOW });
  const stored = readAll(log)[0]!;
  expect([...readRecords(stored, compressionCodecs)].map((record) => record.timestamp)).toEqual([NOW, NOW]);
  const claimed = stored.slice().fill(0, 0, 8);
  expect(lead(log, claimed)).toMatchObject({ ok: false, errorCode: ErrorCode.INVALID_TIMESTAMP });

  const other = openLog();
  expect(lead(other, claimed).ok).toBe(true);
  const [kept] = readAll(other);
  expect(readBatchHeader(kept!).isLogAppendTime).toBe(false);
  expect([...readRecords(kept!, compressionCodecs)].map((record) => record.timestamp)).toEqual([5, 6]);
  other.close({ clean: false });
});

test("the leader clears a client's delete horizon, and the checksum fits", () => {
  for (const timestampType of ['CreateTime', 'LogAppendTime'] as const) {
    const log = openLog({ config: { timestampType } });
    const given = batch(2);
    given[22]! |= 0x40;
    setMaxTimestamp(given, 0, readBatchHeader(given).maxTimestamp);
    expect(readBatchHeader(given).hasDeleteHorizon).toBe(true);
    append(log, given);
    const kept = readAll(log)[0]!;
    expect([readBatchHeader(kept).hasDeleteHorizon, checkBatchCrc(kept, 0, kept.length)]).toEqual([
      false,
      true,
    ]);
  }
});

test('an append with an older leader epoch fails an assertion', () => {
  const log = openLog();
  log.assignLeaderEpoch(9, 0);
  expect(() => lead(log, batch(1))).toThrow(InvariantError);
});

test('a follower appends whole batches that continue its log, and drops an incomplete one', () => {
  const log = openLog();
  const first = batch(2, { leaderEpoch: 4 });
  const second = batch(3, { leaderEpoch: 5, baseOffset: 2 });
  const third = batch(1, { leaderEpoch: 5, baseOffset: 5 });
  const cut = concat([first, second, third]).subarray(0, first.length + second.length + 30);
  expect(log.appendAsFollower(cut, NOW)).toEqual({ ok: true, endOffset: 5 });
  expect(log.epochs.entries).toEqual([
    { epoch: 4, startOffset: 0 },
    { epoch: 5, startOffset: 2 },
  ]);
  expect(log.appendAsFollower(new Uint8Array(0), NOW)).toEqual({ ok: true, endOffset: 5 });
  expect(log.appendAsFollower(batch(1, { leaderEpoch: 5, baseOffset: 6 }), NOW)).toMatchObject({
    errorCode: ErrorCode.CORRUPT_MESSAGE,
  });
  expect(log.appendAsFollower(set(third.slice(), 70, 9), NOW)).toMatchObject({
    errorCode: ErrorCode.CORRUPT_MESSAGE,
  });
  expect(log.appendAsFollower(third, NOW)).toEqual({ ok: true, endOffset: 6 });
});

test('a read returns whole batches below endOffsetMax, and the first one even if it exceeds maxBytes', () => {
  for (const cleanOpen of [false, true]) {
    const disk = new MemoryDisk();
    let log = openLog({ disk });
    for (let i = 0; i < 6; i++) append(log, batch(2));
    const one = batch(2).length;
    if (cleanOpen) {
      log.close({ clean: true });
      log = openLog({ disk, cleanShutdown: true });
    }
    const read = (
      fromOffset: number,
      endOffsetMax: number,
      maxBytes: number,
      atLeastOneBatch = true,
    ): number[] =>
      log
        .read({ fromOffset, endOffsetMax, maxBytes, atLeastOneBatch })
        .chunks.flatMap(splitBatches)
        .map((bytes) => readBatchHeader(bytes).baseOffset);
    expect(read(0, 12, 1e6)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(read(3, 12, 1e6)).toEqual([2, 4, 6, 8, 10]);
    expect(read(4, 9, 1e6)).toEqual([4, 6]);
    expect(read(0, 12, one * 2 + 10)).toEqual([0, 2]);
    expect(read(5, 12, 10)).toEqual([4]);
    expect(read(5, 12, 0)).toEqual([4]);
    expect(read(5, 12, 10, false)).toEqual([]);
    expect(read(5, 5, 1e6)).toEqual([]);
    expect(read(4, 5, 1e6)).toEqual([]);
    expect(read(12, 12, 1e6)).toEqual([]);
  }
});

test('a lookup by timestamp finds the first record, in offset order, with this or a later timestamp', () => {
  const log = openLog({ config: { segmentBytes: 700, indexIntervalBytes: 100 } });
  const times = [10, 30, 20, 40, 40, 35, 60, 50];
  for (const [index, time] of times.entries())
    append(log, batch(2, { timestamps: [time, time + 1], compression: (index % 5) as Compression }), index);
  const hit = (timestamp: number): unknown => hitOf(log, timestamp)?.offset;
  expect([0, 10, 11, 12, 31, 32, 41, 42, 61, 62].map(hit)).toEqual([0, 0, 1, 2, 3, 6, 7, 12, 13, undefined]);
  expect(hitOf(log, 41)).toEqual({ offset: 7, timestamp: 41, leaderEpoch: 3 });
  expect(largestHitOf(log)).toEqual({ offset: 13, timestamp: 61, leaderEpoch: 6 });
  log.advanceStartOffset(15);
  expect(largestHitOf(log)).toEqual({ offset: 15, timestamp: 51, leaderEpoch: 7 });
  expect(largestHitOf(openLog())).toBeUndefined();
});

test('a read that meets damage returns an error', () => {
  const disk = new MemoryDisk();
  append(openLog({ disk }), batch(2));
  const log = openLog({ disk });
  disk.open(`${DIRECTORY}/00000000000000000000.log`).write(8, [new Uint8Array(20)]);
  expect(log.read({ fromOffset: 0, endOffsetMax: 2, maxBytes: 100, atLeastOneBatch: true })).toEqual({
    chunks: [],
    damage: `${DIRECTORY}/00000000000000000000.log: record batch smaller than its header`,
    sizeBytes: 0,
    errorCode: ErrorCode.KAFKA_STORAGE_ERROR,
  });
});

test('renameFolder closes the log and renames its folder, as Kafka does before a deletion', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk, topicId: TOPIC_ID });
  append(log, batch(1));
  log.renameFolder(deletedFolderName('topic-0', TOPIC_ID));
  expect(disk.list('/data')).toEqual([expect.stringMatching(/^topic-0\.[0-9a-f]{32}-delete$/)]);
  expect(lead(log, batch(1))).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
});
