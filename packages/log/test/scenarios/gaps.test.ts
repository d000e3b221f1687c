/** Gaps between offsets: compaction leaves them; in any other log they mean that batches are lost. */
import { DiskError, Prng } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { ErrorCode, readBatchHeader } from '@millrace/protocol';
import { expect, test, vi } from 'vitest';
import { HAS_GAPS_FILE } from '../../src/files/has-gaps.ts';
import type { PartitionLog } from '../../src/index.ts';
import { Segment } from '../../src/segment/segment.ts';
import { batch, concat, DIRECTORY, NOW, openLog, readAll } from '../support/logs.ts';
import { NamesDisk } from '../support/names-disk.ts';

const CONFIG = { segmentBytes: 400, indexIntervalBytes: 100 };

/** Batches of two records at these base offsets. */
function batchesAt(...offsets: number[]): Uint8Array {
  return concat(offsets.map((baseOffset) => batch(2, { baseOffset, leaderEpoch: 1, valueBytes: 50 })));
}

/** A follower's log with batches at 0, 2, 10, 12, 40 and 42. */
function withGaps(disk = new MemoryDisk()): PartitionLog {
  const log = openLog({ disk, config: CONFIG });
  expect(log.appendAsFollower(batchesAt(0, 2, 10, 12, 40, 42), NOW, 44)).toEqual({ ok: true, endOffset: 44 });
  return log;
}

function basesOf(log: PartitionLog): number[] {
  return readAll(log).map((one) => readBatchHeader(one).baseOffset);
}

test('a follower takes gaps below the high watermark of its leader, and no others', () => {
  const log = withGaps();
  expect(basesOf(log)).toEqual([0, 2, 10, 12, 40, 42]);
  expect(log.appendAsFollower(batchesAt(50), NOW, 49)).toMatchObject({
    errorCode: ErrorCode.CORRUPT_MESSAGE,
  });
  expect(log.appendAsFollower(batchesAt(43), NOW, 99)).toMatchObject({
    errorCode: ErrorCode.CORRUPT_MESSAGE,
  });
  expect(log.appendAsFollower(batchesAt(50), NOW, 50)).toEqual({ ok: true, endOffset: 52 });
});

test('the committed end survives a kill; a truncation to a lower offset lowers the committed end', () => {
  const disk = new MemoryDisk();
  const log = withGaps(disk);
  expect(log.committedEnd).toBe(40);
  const reopened = (): PartitionLog => openLog({ disk, config: CONFIG });
  expect(reopened().committedEnd).toBe(40);
  // The records that come after a truncation may be uncommitted.
  disk.deviceWaits = 0;
  log.truncateTo(41);
  expect([log.committedEnd, disk.deviceWaits, log.endOffset]).toEqual([14, 1, 14]);
  expect(log.appendAsFollower(batchesAt(14, 16, 18), NOW, 14).ok).toBe(true);
  expect([log.committedEnd, reopened().committedEnd, reopened().endOffset]).toEqual([14, 14, 20]);
  log.truncateFullyAndStartAt(6);
  expect([log.committedEnd, reopened().committedEnd]).toEqual([6, 6]);
  // A truncation to 0 leaves no committed records.
  const full = withGaps();
  full.truncateTo(0);
  expect(full.committedEnd).toBe(0);
});

test('after a kill, the first sync covers the file has-gaps', () => {
  const syncs: (() => void)[] = [];
  const disk = new MemoryDisk((callback) => syncs.push(callback));
  withGaps(disk);
  syncs.length = 0;
  const log = openLog({ disk, config: CONFIG });
  log.flush(() => {});
  for (const complete of syncs) complete();
  expect(log.recoveryPoint).toBe(44);
  disk.losePower();
  const again = openLog({ disk, config: CONFIG, recoveryPoint: 44 });
  expect([again.endOffset, again.wasCut, again.committedEnd]).toEqual([44, false, 40]);
});

test('an append that fails below a gap, and recovery that loses records, lower the committed end', () => {
  class Failing extends MemoryDisk {
    logWrites = Number.MAX_SAFE_INTEGER;
    override check(path: string): void {
      if (path.endsWith('.log') && this.logWrites-- <= 0) throw new DiskError('ENOSPC', `${path}: full`);
      super.check(path);
    }
  }
  const disk = new Failing();
  const log = openLog({ disk, config: CONFIG });
  disk.logWrites = 1;
  expect(log.appendAsFollower(batchesAt(0, 2, 10, 40), NOW, 44).ok).toBe(false);
  disk.logWrites = Number.MAX_SAFE_INTEGER;
  expect(log.offline).toBeUndefined();
  expect(log.endOffset).toBeLessThan(40);
  expect(log.committedEnd).toBeLessThanOrEqual(log.endOffset);
  // Without its last segments, the log ends lower.
  const second = new MemoryDisk();
  withGaps(second).close({ clean: false });
  const last = second.list(DIRECTORY).findLast((name) => name.endsWith('.log'))!;
  second.open(`${DIRECTORY}/${last}`).truncate(0);
  const cut = openLog({ disk: second, config: CONFIG });
  expect(cut.endOffset).toBeLessThan(40);
  expect(cut.committedEnd).toBe(cut.endOffset);
  expect(cut.appendAsFollower(batchesAt(cut.endOffset), NOW).ok).toBe(true);
  expect(openLog({ disk: second, config: CONFIG }).committedEnd).toBe(cut.committedEnd);
});

test('a power loss while the log raises the committed end leaves the old one or the new one', () => {
  for (let seed = 0; seed < 40; seed++) {
    const disk = new NamesDisk();
    disk.makeDirectory(DIRECTORY);
    const log = withGaps(disk);
    log.flush(() => {});
    disk.settle();
    expect(log.appendAsFollower(batchesAt(60, 10_070), NOW, 10_072).ok).toBe(true);
    expect(log.committedEnd).toBe(10_070);
    const random = new Prng(seed);
    const again = openLog({
      disk: disk.afterAnyLoss(() => random.below(2) === 0),
      config: CONFIG,
      recoveryPoint: 44,
    });
    expect(again.mayHaveGaps).toBe(true);
    expect(again.endOffset).toBeGreaterThanOrEqual(44);
    expect(again.committedEnd).toBeGreaterThanOrEqual(40);
    expect(again.committedEnd).toBeLessThanOrEqual(again.endOffset);
  }
});

test('a read in a gap begins at the next batch', () => {
  const log = withGaps();
  for (const [fromOffset, first] of [
    [4, 10],
    [9, 10],
    [11, 10],
    [14, 40],
    [39, 40],
  ] as const) {
    const { chunks, errorCode } = log.read({
      fromOffset,
      endOffsetMax: 44,
      maxBytes: 1,
      atLeastOneBatch: true,
    });
    expect([errorCode, readBatchHeader(chunks[0]!).baseOffset]).toEqual([ErrorCode.NONE, first]);
  }
});

test('recovery keeps gaps that the log noted, and cuts the log at any other gap', () => {
  const disk = new MemoryDisk();
  withGaps(disk).close({ clean: false });
  expect(disk.exists(`${DIRECTORY}/${HAS_GAPS_FILE}`)).toBe(true);
  const again = openLog({ disk, config: CONFIG });
  expect([again.endOffset, again.wasCut, basesOf(again)]).toEqual([44, false, [0, 2, 10, 12, 40, 42]]);
  again.close({ clean: false });
  // Without the file a gap is damage.
  disk.remove(`${DIRECTORY}/${HAS_GAPS_FILE}`);
  const cut = openLog({ disk, config: CONFIG });
  expect([cut.endOffset, cut.wasCut]).toEqual([4, true]);
});

test("Kafka's checkpoint of the cleaner says, too, that a log may have gaps", () => {
  const disk = new MemoryDisk();
  withGaps(disk).close({ clean: false });
  disk.remove(`${DIRECTORY}/${HAS_GAPS_FILE}`);
  expect(basesOf(openLog({ disk, config: CONFIG, cleanedTo: 44 }))).toEqual([0, 2, 10, 12, 40, 42]);
});

test('a read finds a gap in a log that was never compacted, and reports it', () => {
  const disk = new MemoryDisk();
  withGaps(disk).close({ clean: true });
  disk.remove(`${DIRECTORY}/${HAS_GAPS_FILE}`);
  const log = openLog({ disk, config: CONFIG, cleanShutdown: true });
  const answer = log.read({ fromOffset: 4, endOffsetMax: 44, maxBytes: 1000, atLeastOneBatch: true });
  expect(answer).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR, damage: expect.any(String) });
});

test('a damaged base offset does not look like the end of a log with gaps', () => {
  // The base offsets of the first two batches and of the last batch of the log. No checksum covers them.
  for (const [name, at, fromOffset] of [
    ['00000000000000000000', 0, 0],
    ['00000000000000000000', 1, 2],
    ['00000000000000000014', 1, 42],
  ] as const) {
    for (const base of [0, 13, 3_000_000_000]) {
      const disk = new MemoryDisk();
      const log = withGaps(disk);
      const { length } = batchesAt(0);
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(base));
      if (base === 0 && at === 0) continue;
      disk.open(`${DIRECTORY}/${name}.log`).write(at * length, [bytes]);
      const answer = log.read({ fromOffset, endOffsetMax: 44, maxBytes: 1000, atLeastOneBatch: true });
      expect(answer).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR, chunks: [] });
    }
  }
});

test('a segment that became shorter does not look like the end of a log with gaps', () => {
  const disk = new MemoryDisk();
  const log = withGaps(disk);
  const o = { fromOffset: 40, endOffsetMax: 44, maxBytes: 1, atLeastOneBatch: true };
  expect(log.read(o).errorCode).toBe(ErrorCode.NONE);
  const { length } = batchesAt(40);
  // The read leaves a hint at the next batch.
  for (const size of [length, length + 30, length + 100]) {
    disk.open(`${DIRECTORY}/00000000000000000014.log`).truncate(size);
    expect(log.read({ ...o, fromOffset: 42 })).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
  }
});

test('a truncation into a gap ends the log where the gap begins, before and after a restart', () => {
  for (const [offset, endOffset] of [
    [5, 4],
    [10, 4],
    [11, 4],
    [14, 14],
    [30, 14],
    [40, 14],
    [41, 14],
    [43, 42],
  ] as const) {
    const disk = new MemoryDisk();
    const log = withGaps(disk);
    log.truncateTo(offset);
    expect([log.offline, log.endOffset]).toEqual([undefined, endOffset]);
    log.close({ clean: false });
    const again = openLog({ disk, config: CONFIG });
    expect([again.endOffset, again.wasCut]).toEqual([endOffset, false]);
    expect(again.appendAsFollower(batchesAt(endOffset), NOW).ok).toBe(true);
    const kept = [0, 2, 10, 12, 40, 42].filter((base) => base + 2 <= offset);
    expect(basesOf(again)).toEqual([...kept, endOffset]);
  }
});

test('a truncation finds its place from the index, without a scan of the whole segment', () => {
  const log = openLog({ config: { segmentBytes: 100_000, indexIntervalBytes: 1 } });
  const one = (baseOffset: number) => batch(1, { baseOffset, leaderEpoch: 1 });
  const many = Array.from({ length: 50 }, (_, index) => one(2 * index));
  expect(log.appendAsFollower(concat(many), NOW, 98).ok).toBe(true);
  const scan = vi.spyOn(Segment.prototype, 'scan');
  try {
    log.truncateTo(80);
    expect(log.endOffset).toBe(79);
    expect(scan.mock.calls.map(([from]) => from)).not.toContain(0);
  } finally {
    scan.mockRestore();
  }
});

test('a truncation into a gap below the log start offset empties the log at its start', () => {
  const log = withGaps();
  log.advanceStartOffset(6);
  log.truncateTo(8);
  expect([log.offline, log.startOffset, log.endOffset]).toEqual([undefined, 6, 6]);
  expect(log.appendAsFollower(batchesAt(6), NOW)).toEqual({ ok: true, endOffset: 8 });
});

test('a gap that no index spans begins a new segment', () => {
  const far = 2 ** 32 + 5;
  const disk = new MemoryDisk();
  const log = openLog({ disk });
  expect(log.appendAsFollower(batchesAt(far), NOW, far)).toEqual({ ok: true, endOffset: far + 2 });
  expect(log.appendAsFollower(batchesAt(3 * far, 3 * far + 2), NOW, 3 * far).ok).toBe(true);
  expect([log.segmentCount, basesOf(log)]).toEqual([3, [far, 3 * far, 3 * far + 2]]);
  log.close({ clean: false });
  const again = openLog({ disk });
  expect([again.endOffset, basesOf(again)]).toEqual([3 * far + 4, [far, 3 * far, 3 * far + 2]]);
});

test('if only the checkpoint of the cleaner lists a log, recovery creates has-gaps, so the checkpoint may be lost later', () => {
  const disk = new MemoryDisk();
  withGaps(disk).close({ clean: false });
  disk.remove(`${DIRECTORY}/${HAS_GAPS_FILE}`);
  openLog({ disk, config: CONFIG, cleanedTo: 44 }).close({ clean: false });
  expect(disk.exists(`${DIRECTORY}/${HAS_GAPS_FILE}`)).toBe(true);
  // Now the checkpoint may be lost.
  expect(openLog({ disk, config: CONFIG }).endOffset).toBe(44);
});
