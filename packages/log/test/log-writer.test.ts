/** Writes to the end of a log: when a new segment begins, and what a failed write leaves behind. */
import { DiskError } from '@millrace/base';
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { append, batch, DIRECTORY, lead, NOW, openLog, readAll, sequenced, withCrc } from './support/logs.ts';

test('a new segment begins when the active one would exceed segment.bytes', () => {
  const log = openLog({ config: { segmentBytes: 300 } });
  for (let i = 0; i < 6; i++) append(log, batch(1, { valueBytes: 60 }));
  expect(log.segmentCount).toBe(3);
  expect(log.sizeBytes).toBe(6 * batch(1, { valueBytes: 60 }).length);
});

test('a new segment begins when the timestamps span more than segment.ms; without timestamps, the age of the active segment counts', () => {
  const log = openLog({ config: { segmentMs: 1000 } });
  append(log, batch(1, { timestamps: [NOW] }));
  append(log, batch(1, { timestamps: [NOW + 1000] }), 0, NOW + 9999);
  expect(log.segmentCount).toBe(1);
  append(log, batch(1, { timestamps: [NOW + 1001] }));
  expect(log.segmentCount).toBe(2);
  const aged = openLog({ config: { segmentMs: 1000 } });
  append(aged, batch(1, { timestamps: [-1] }));
  append(aged, batch(1, { timestamps: [-1] }), 0, NOW + 1000);
  expect(aged.segmentCount).toBe(1);
  append(aged, batch(1, { timestamps: [-1] }), 0, NOW + 1001);
  expect(aged.segmentCount).toBe(2);
});

test('a new segment begins when an index is full, and when an offset is too far from the base offset', () => {
  const log = openLog({ config: { indexIntervalBytes: 0, segmentIndexBytes: 48 } });
  for (let i = 0; i < 20; i++) append(log, batch(1, { timestamps: [NOW + i] }));
  expect(log.segmentCount).toBeGreaterThan(4);
  const far = openLog();
  far.truncateFullyAndStartAt(10);
  expect(far.appendAsFollower(batch(1, { baseOffset: 10, leaderEpoch: 0 }), NOW).ok).toBe(true);
  // This batch claims 2^31-10 offsets, so the next batch is over the segment's limit.
  const wide = batch(1, { baseOffset: 11, leaderEpoch: 0 });
  new DataView(wide.buffer).setInt32(23, 0x7fff_fff5);
  expect(far.appendAsFollower(withCrc(wide), NOW).ok).toBe(true);
  expect(far.segmentCount).toBe(1);
  append(far, batch(20));
  expect(far.segmentCount).toBe(2);
  expect(readAll(far).length).toBe(3);
});

test('a refused write leaves no batch; appends continue when the disk has room again', () => {
  const disk = new MemoryDisk();
  const logger = new MemoryLogger();
  const log = openLog({ disk, logger });
  append(log, sequenced(1, 0, 2));
  disk.failWrites = 'ENOSPC';
  expect(lead(log, sequenced(1, 2, 2))).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
  expect(log.appendAsFollower(batch(1, { baseOffset: 2, leaderEpoch: 3 }), NOW)).toMatchObject({
    errorCode: ErrorCode.KAFKA_STORAGE_ERROR,
  });
  expect(log.endOffset).toBe(2);
  expect(log.offline).toBeUndefined();
  expect(logger.events.map((event) => event.event)).toContain('log-write-failed');
  disk.failWrites = undefined;
  expect(append(log, sequenced(1, 2, 2), 3)).toBe(2);
  expect(readAll(log).length).toBe(2);
});

test('the log cuts off a half-written batch; if it cannot, it goes offline and says why', () => {
  class TearingDisk extends MemoryDisk {
    tear = false;
    stuck = false;
    override open(path: string): ReturnType<MemoryDisk['open']> {
      const file = super.open(path);
      const { write, truncate } = file;
      const fail = (): void => {
        this.failWrites = 'EIO';
        this.check(path);
      };
      file.write = (position, chunks) => {
        if (!this.tear) return write.call(file, position, chunks);
        write.call(file, position, [chunks[0]!.subarray(0, 10)]);
        fail();
      };
      file.truncate = (size) => {
        if (this.stuck) fail();
        truncate.call(file, size);
      };
      return file;
    }
  }
  const disk = new TearingDisk();
  const log = openLog({ disk });
  append(log, batch(1), 3);
  const path = `${DIRECTORY}/00000000000000000000.log`;
  const size = disk.readFile(path)!.length;
  disk.tear = true;
  expect(lead(log, batch(1))).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
  expect(disk.readFile(path)!.length).toBe(size);
  disk.stuck = true;
  expect(lead(log, batch(1))).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
  expect(log.offline).toMatch(/could not be cut back/);
  disk.tear = false;
  disk.stuck = false;
  disk.failWrites = undefined;
  expect(lead(log, batch(1))).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
  expect(log.read({ fromOffset: 0, endOffsetMax: 1, maxBytes: 100, atLeastOneBatch: true }).errorCode).toBe(
    ErrorCode.KAFKA_STORAGE_ERROR,
  );
  expect(readAll(openLog({ disk })).length).toBe(1);
});

test('a failed roll leaves the old segment in use', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk, config: { segmentBytes: 300 } });
  append(log, batch(1, { valueBytes: 100 }), 3);
  disk.failWrites = 'ENOSPC';
  expect(lead(log, batch(1, { valueBytes: 100 }))).toMatchObject({ ok: false });
  disk.failWrites = undefined;
  expect(append(log, batch(1, { valueBytes: 100 }), 3)).toBe(1);
  expect(append(log, batch(1, { valueBytes: 100 }), 3)).toBe(2);
  log.close({ clean: true });
  expect(readAll(openLog({ disk, config: { segmentBytes: 300 }, cleanShutdown: true })).length).toBe(3);
});

test('an append is refused if it begins a new segment and the sync after the roll fails at once', () => {
  class NoSyncDisk extends MemoryDisk {
    broken = false;
    override open(path: string): ReturnType<MemoryDisk['open']> {
      const file = super.open(path);
      const { sync } = file;
      file.sync = (done) => {
        this.checkSync(path);
        sync.call(file, done);
      };
      return file;
    }
    override syncFolder(directory: string, done: (error?: DiskError) => void): void {
      this.checkSync(directory);
      super.syncFolder(directory, done);
    }
    private checkSync(path: string): void {
      if (this.broken) throw new DiskError('EIO', path);
    }
  }
  const disk = new NoSyncDisk();
  const log = openLog({ disk, config: { segmentBytes: 100 } });
  append(log, batch(1));
  let told = 0;
  log.syncFailed = () => told++;
  disk.broken = true;
  expect(lead(log, batch(1))).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
  expect([log.endOffset, log.offline, told]).toEqual([1, expect.stringMatching('EIO'), 1]);
  expect(readAll(openLog({ disk })).length).toBe(1);
});

test('a failed creation of a segment leaves no file that a later open takes for the last segment', () => {
  class NoIndexDisk extends MemoryDisk {
    broken = false;
    override open(path: string): ReturnType<MemoryDisk['open']> {
      if (this.broken && path.endsWith('1.timeindex')) throw new DiskError('EMFILE', path);
      return super.open(path);
    }
  }
  const disk = new NoIndexDisk();
  const log = openLog({ disk, config: { segmentMs: 1000 } });
  append(log, batch(1, { timestamps: [NOW] }), 3);
  disk.broken = true;
  expect(lead(log, batch(1, { timestamps: [NOW + 2000] }))).toMatchObject({ ok: false });
  append(log, batch(1, { timestamps: [NOW] }), 3);
  log.close({ clean: true });
  expect(openLog({ disk, cleanShutdown: true }).endOffset).toBe(2);
});

test('if the epoch file could not be written, the next append writes it', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk });
  append(log, batch(1), 1);
  disk.failWrites = 'ENOSPC';
  expect(log.appendAsLeader(batch(1), { leaderEpoch: 8, nowWallMs: NOW }).ok).toBe(false);
  disk.failWrites = undefined;
  append(log, batch(1), 8);
  log.close({ clean: true });
  expect(openLog({ disk, cleanShutdown: true }).epochs.entries).toEqual([
    { epoch: 1, startOffset: 0 },
    { epoch: 8, startOffset: 1 },
  ]);
});

describe.each(['.timeindex', '.log'])(
  'when the first append after a clean stop cannot read the %s file',
  (file) => {
    let isFailing = false;
    class Failing extends MemoryDisk {
      override open(path: string): ReturnType<MemoryDisk['open']> {
        const opened = super.open(path);
        const read = opened.read.bind(opened);
        opened.read = (position, target) => {
          if (isFailing && path.endsWith(file)) throw new DiskError('EMFILE', `${path}: EMFILE`);
          return read(position, target);
        };
        return opened;
      }
    }

    // Use an even and an odd count, because every second batch gets an index entry.
    test.each([
      ['leader', 6],
      ['leader', 7],
      ['follower', 6],
      ['follower', 7],
    ])('a %s with %i batches refuses the append, and its log stays as it is', (role, count) => {
      isFailing = false;
      const disk = new Failing();
      const settings = { disk, config: { indexIntervalBytes: batch(1).length + 1 } };
      const first = openLog(settings);
      for (let i = 0; i < count; i++) append(first, batch(1, { timestamps: [NOW + i] }));
      first.close({ clean: true });
      const log = openLog({ ...settings, cleanShutdown: true });
      const more = () => {
        const timestamps = [NOW + count];
        if (role === 'leader')
          return log.appendAsLeader(batch(1, { timestamps }), { leaderEpoch: 0, nowWallMs: NOW });
        const batches = [0, 1, 2].map((at) =>
          batch(1, { timestamps, baseOffset: count + at, leaderEpoch: 0 }),
        );
        return log.appendAsFollower(Buffer.concat(batches), NOW);
      };
      isFailing = true;
      expect(more()).toMatchObject({ ok: false, errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
      expect(log.endOffset).toBe(count);
      isFailing = false;
      expect(more()).toMatchObject({ ok: true });
      const end = log.endOffset;
      const reopened = openLog(settings);
      expect([reopened.endOffset, readAll(reopened).length]).toEqual([end, end]);
    });
  },
);
