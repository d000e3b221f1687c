/**
 * Goal: a log accepts only valid batches from clients, and keeps all 64 bits of their timestamps. Method:
 * appends unusual batches and reads them back.
 */
import { MemoryDisk } from '@millrace/base/testing';
import {
  BATCH_HEADER_BYTES,
  BatchHeader,
  buildBatch,
  Compression,
  checkBatchCrc,
  ErrorCode,
  LOOP_WORK_MAX,
  readBatchHeader,
  setMaxTimestamp,
} from '@millrace/protocol';
import { compressionCodecs as codecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { checkAtDoor, checkAtDoorWhole } from '../../src/door/door.ts';
import type { LeaderAppend, PartitionLog } from '../../src/index.ts';
import {
  append,
  batch,
  concat,
  config,
  contents,
  hitOf,
  largestHitOf,
  NOW,
  openLog,
  readAll,
} from '../support/logs.ts';

const UNBOUNDED = { timestampAfterMaxMs: Number.MAX_SAFE_INTEGER };
/** Now, in nanoseconds. */
const NANOS = BigInt(NOW) * 1_000_000n;

function lead(log: PartitionLog, bytes: Uint8Array): LeaderAppend {
  return log.appendAsLeader(bytes, { leaderEpoch: 0, nowWallMs: NOW });
}

/** One record with the timestamp `base`, in a batch with that base timestamp. */
function at(base: bigint): Uint8Array {
  const bytes = batch(1, { timestamps: [0] });
  const view = new DataView(bytes.buffer);
  view.setBigInt64(27, base);
  setMaxTimestamp(bytes, 0, base);
  return bytes;
}

test('lookups find a record with a time in nanoseconds after one in milliseconds, also after a restart', () => {
  const disk = new MemoryDisk();
  let log = openLog({ disk, config: { ...UNBOUNDED, segmentBytes: 300 } });
  append(log, batch(1, { timestamps: [NOW] }));
  append(log, at(NANOS));
  append(log, at(2n ** 63n - 1n));
  append(log, at(-(2n ** 63n)));
  for (const cleanShutdown of [true, false, true]) {
    expect(largestHitOf(log)).toMatchObject({ offset: 2, timestamp: 2n ** 63n - 1n });
    expect(hitOf(log, NANOS)).toMatchObject({ offset: 1, timestamp: NANOS });
    expect(hitOf(log, NOW + 1)).toMatchObject({ offset: 1, timestamp: NANOS });
    expect(hitOf(log, NOW)).toMatchObject({ offset: 0, timestamp: NOW });
    expect(hitOf(log, NANOS + 1n)).toMatchObject({ offset: 2 });
    log.close({ clean: cleanShutdown });
    log = openLog({ disk, cleanShutdown, config: UNBOUNDED });
  }
  expect(readAll(log).map((one) => readBatchHeader(one).maxTimestamp)).toEqual([
    NOW,
    NANOS,
    2n ** 63n - 1n,
    // A timestamp before 1970 never counts as the largest, as in Kafka.
    -1,
  ]);
});

test('the log remembers a producer whose last batch has a timestamp in nanoseconds', () => {
  const disk = new MemoryDisk();
  let log = openLog({ disk, config: UNBOUNDED });
  const bytes = at(NANOS);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(43, 7n);
  view.setInt16(51, 0);
  view.setInt32(53, 0);
  setMaxTimestamp(bytes, 0, NANOS);
  const again = bytes.slice();
  append(log, bytes);
  log.close({ clean: true });
  log = openLog({ disk, cleanShutdown: true, config: UNBOUNDED });
  expect(lead(log, again)).toMatchObject({ ok: true, duplicate: true, baseOffset: 0 });
  expect(log.producers.get(7)?.lastTimestamp).toBe(NANOS);
});

test('kafkajs may send a wrong largest timestamp in the header: the log corrects it', () => {
  for (const compression of [Compression.NONE, Compression.GZIP]) {
    const log = openLog();
    const bytes = batch(2, { timestamps: [NOW - 86_400_000, NOW], compression });
    setMaxTimestamp(bytes, 0, NOW - 86_400_000);
    append(log, bytes);
    const [stored] = readAll(log);
    expect(readBatchHeader(stored!).maxTimestamp).toBe(NOW);
    expect(checkBatchCrc(stored!, 0, stored!.length)).toBe(true);
    expect(hitOf(log, NOW - 60_000)).toMatchObject({ offset: 1, timestamp: NOW });
    expect(largestHitOf(log)).toMatchObject({ offset: 1, timestamp: NOW });
  }
});

test('a compacted topic refuses a batch with a record that has no key', () => {
  const log = openLog({ config: { isCompacted: true }, directory: '/data/orders-3' });
  const answer = log.appendAsLeader(
    buildBatch({ records: [{ value: new Uint8Array(1) }], baseTimestamp: NOW }),
    { leaderEpoch: 0, nowWallMs: NOW },
  );
  const message = 'Compacted topic cannot accept message without key in topic partition orders-3';
  expect(answer).toMatchObject({
    errorCode: ErrorCode.INVALID_RECORD,
    recordErrors: [{ batchIndex: 0, message }],
  });
  expect(log.endOffset).toBe(0);
  append(log, batch(2));
  expect(log.endOffset).toBe(2);
});

test('the log drops an incomplete batch that follows a whole one, and refuses other bytes, as Kafka does', () => {
  const log = openLog();
  const cut = batch(1).subarray(0, 40);
  for (const behind of [new Uint8Array(5).fill(1), cut.subarray(0, 16), cut])
    append(log, concat([batch(1, { values: ['a'] }), behind]));
  expect(contents(log)).toEqual(['0:a', '1:a', '2:a']);
  const refusals = [
    [new Uint8Array(20), ErrorCode.CORRUPT_MESSAGE],
    [concat([cut.subarray(0, 16), Uint8Array.of(3)]), ErrorCode.CORRUPT_MESSAGE],
    [batch(1), ErrorCode.INVALID_RECORD],
  ] as const;
  for (const [behind, errorCode] of refusals)
    expect(lead(log, concat([batch(1), behind]))).toMatchObject({ ok: false, errorCode });
});

test('the log refuses base offsets and producer ids that no broker gives out', () => {
  const log = openLog();
  for (const [place, value] of [
    [0, 2n ** 60n],
    [0, -(2n ** 63n)],
    [43, 2n ** 60n],
    [43, 2n ** 63n - 1n],
  ] as const) {
    const bytes = batch(1, { producerEpoch: 0, baseSequence: 0 });
    new DataView(bytes.buffer).setBigInt64(place, value);
    setMaxTimestamp(bytes, 0, NOW);
    expect(lead(log, bytes)).toMatchObject({ errorCode: ErrorCode.INVALID_RECORD });
  }
  const none = batch(1);
  new DataView(none.buffer).setBigInt64(43, -(2n ** 63n));
  setMaxTimestamp(none, 0, NOW);
  expect(lead(log, none).ok).toBe(true);
});

test('a batch that costs too much for the event loop needs a job, which also checks the checksum', () => {
  const o = { topicPartition: 'topic-0', config: config({ maxMessageBytes: 1 << 30 }), nowWallMs: NOW };
  const small = batch(3);
  expect(checkAtDoor(small, o, codecs)).toEqual({ ok: true, sizeBytes: small.length, maxTimestamp: NOW });
  const large = batch(1, { valueBytes: 9 * LOOP_WORK_MAX });
  const inflating = batch(1, { valueBytes: 2 * LOOP_WORK_MAX, compression: Compression.ZSTD });
  const many = batch(LOOP_WORK_MAX / 8, { valueBytes: 0 });
  for (const bytes of [large, inflating, many]) {
    expect(checkAtDoor(bytes, o, codecs)).toBeUndefined();
    expect(checkAtDoorWhole(bytes, o, codecs)).toMatchObject({ ok: true, maxTimestamp: NOW });
    bytes[bytes.length - 1]! ^= 1;
    expect(checkAtDoorWhole(bytes, o, codecs)).toMatchObject({ errorCode: ErrorCode.CORRUPT_MESSAGE });
  }
  expect(readBatchHeader(small, 0, new BatchHeader()).recordCount).toBe(3);
});

test('compressed bytes that decompress to nothing have a cost, too: a large batch of them needs a job', () => {
  const o = { topicPartition: 'topic-0', config: config(), nowWallMs: NOW };
  const whole = batch(1);
  const plain = whole.subarray(BATCH_HEADER_BYTES);
  for (const [codec, holdsOnLoop] of [
    [Compression.GZIP, 30_000],
    [Compression.SNAPPY, 120_000],
    [Compression.LZ4, 250_000],
    [Compression.ZSTD, 120_000],
  ] as const) {
    for (const [sizeBytes, isForJob] of [
      [holdsOnLoop, false],
      [holdsOnLoop + 20_000, true],
      [950_000, true],
    ] as const) {
      const bytes = resealed(whole, codec, hollow(codec, plain, sizeBytes));
      const budget = { work: LOOP_WORK_MAX };
      const verdict = checkAtDoor(bytes, o, codecs, LOOP_WORK_MAX, budget);
      expect([codec, sizeBytes, verdict?.ok]).toEqual([codec, sizeBytes, isForJob ? undefined : true]);
      // On the event loop the empty blocks use up most of the budget.
      expect(budget.work < 100_000).toBe(!isForJob);
      expect(checkAtDoorWhole(bytes, o, codecs)).toMatchObject({ ok: true });
    }
  }
});

test('an uncompressed batch does not use the budget; with an empty budget, a compressed batch needs a job', () => {
  const o = { topicPartition: 'topic-0', config: config(), nowWallMs: NOW };
  const budget = { work: 0 };
  expect(checkAtDoor(batch(3), o, codecs, LOOP_WORK_MAX, budget)).toMatchObject({ ok: true });
  const packed = batch(3, { compression: Compression.GZIP });
  expect(checkAtDoor(packed, o, codecs, LOOP_WORK_MAX, budget)).toBeUndefined();
  budget.work = 10_000;
  expect(checkAtDoor(packed, o, codecs, LOOP_WORK_MAX, budget)).toMatchObject({ ok: true });
  expect(budget.work).toBeGreaterThan(0);
  expect(budget.work).toBeLessThan(10_000);
});

test('if a batch costs more than the rest of the budget, a lookup returns the batch and does not decompress it', () => {
  for (const [bytes, work] of [
    [batch(2000, { valueBytes: 0, timestamps: [NOW] }), 20_000],
    [
      resealed(
        batch(1),
        Compression.GZIP,
        hollow(Compression.GZIP, batch(1).subarray(BATCH_HEADER_BYTES), 40_000),
      ),
      LOOP_WORK_MAX,
    ],
  ] as const) {
    let unfolded = 0;
    const counting = {
      ...codecs,
      unfold: (...given: Parameters<typeof codecs.unfold>) => {
        unfolded++;
        codecs.unfold(...given);
      },
    };
    const log = openLog({ codecs: counting });
    append(log, bytes.slice());
    unfolded = 0;
    const budget = { work };
    expect(log.times.find(NOW - 1, budget)).toMatchObject({ batch: expect.any(Uint8Array) });
    expect([budget.work, unfolded]).toEqual([0, 0]);
  }
});

/** The header of `whole` with other compressed records, and with its size, codec and checksum corrected. */
function resealed(whole: Uint8Array, codec: Compression, payload: Uint8Array): Uint8Array {
  const bytes = concat([whole.subarray(0, BATCH_HEADER_BYTES), payload]);
  const view = new DataView(bytes.buffer);
  view.setInt32(8, bytes.length - 12);
  view.setInt16(21, codec);
  setMaxTimestamp(bytes, 0, NOW);
  return bytes;
}

/** Compressed bytes of about `sizeBytes`: enough empty blocks, followed by `plain`. */
function hollow(codec: Compression, plain: Uint8Array, sizeBytes: number): Uint8Array {
  const packed = codecs.compress(codec, plain);
  const [at, block] = HOLLOW[codec]!;
  const blocks = Array.from({ length: Math.floor((sizeBytes - packed.length) / block.length) }, () => block);
  if (codec !== Compression.ZSTD) return concat([packed.subarray(0, at), ...blocks, packed.subarray(at)]);
  // One frame with a window of 2^17 bytes: empty blocks, then the records as they are.
  const last = ((plain.length << 3) | 1) >>> 0;
  return concat([
    Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x38),
    ...blocks,
    Uint8Array.of(last, last >> 8, last >> 16),
    plain,
  ]);
}

/** The position of the first block in the compressed bytes, and an empty block. */
const HOLLOW: Partial<Record<Compression, [number, Uint8Array]>> = {
  // A stored block of no bytes.
  [Compression.GZIP]: [10, Uint8Array.of(0, 0, 0, 0xff, 0xff)],
  [Compression.SNAPPY]: [16, Uint8Array.of(0, 0, 0, 1, 0)],
  [Compression.LZ4]: [7, Uint8Array.of(1, 0, 0, 0, 0)],
  [Compression.ZSTD]: [6, Uint8Array.of(0, 0, 0)],
};
