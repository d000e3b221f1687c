/**
 * Goal: the right segments of a log expire at the right time, the files and cursors fit together meanwhile,
 * and a crash at any point leaves a log without a hole. Method: one log on a disk in memory.
 */
import { DiskError } from '@millrace/base';
import { type MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OpenFiles } from '../src/files/open-files.ts';
import type { PartitionLog, RemovedSegment } from '../src/index.ts';
import { append, batch, DIRECTORY, NOW, openLog, readAll, sequenced } from './support/logs.ts';
import { NamesDisk } from './support/names-disk.ts';

const HOUR_MS = 3_600_000;

/** Appends `count` batches of one record, each with a segment of its own. */
function fill(log: PartitionLog, count: number, ageMs = 0): void {
  for (let i = 0; i < count; i++)
    append(log, sequenced(1, log.endOffset, 1, { valueBytes: 200, timestamps: [NOW - ageMs] }));
}

function setUp(o: { disk?: MemoryDisk; config?: object; logger?: MemoryLogger } = {}) {
  const disk = o.disk ?? new NamesDisk();
  const logger = o.logger ?? new MemoryLogger();
  const config = { segmentBytes: 300, retentionMs: HOUR_MS, ...o.config };
  const log = openLog({ disk, logger, config });
  const names = (pattern: RegExp) => disk.list(DIRECTORY).filter((name) => pattern.test(name));
  return { disk, log, logger, names };
}

function removeAll(log: PartitionLog, disk: MemoryDisk): RemovedSegment[] {
  const removed: RemovedSegment[] = [];
  const next = (one: RemovedSegment | undefined): void => {
    if (one === undefined) return;
    removed.push(one);
    log.removeNext(next);
  };
  log.removeNext(next);
  if (disk instanceof NamesDisk) disk.settle();
  return removed;
}

/** The last sequence number of the producer of `fill`. */
function lastSequence(log: PartitionLog): number | undefined {
  return log.producers.get(1)?.batches.at(-1)?.lastSequence;
}

test('expired records are unreadable at once; their files stay until removeNext renames them', () => {
  const { log, disk, names, logger } = setUp();
  fill(log, 3, 2 * HOUR_MS);
  fill(log, 2);
  const sizeBytes = log.sizeBytes;
  expect(log.expire(log.endOffset, NOW)).toEqual({ isRaised: true, isRolled: false, hasMore: false });
  expect([log.startOffset, log.endOffset, log.segmentCount, log.hasExpired]).toEqual([3, 5, 5, true]);
  expect(names(/deleted$/)).toEqual([]);
  const removed = removeAll(log, disk);
  expect(removed.map(({ baseOffset }) => baseOffset)).toEqual([0, 1, 2]);
  expect([log.segmentCount, log.hasExpired, log.sizeBytes]).toEqual([2, false, (sizeBytes / 5) * 2]);
  expect(names(/\.log$/)).toEqual(['00000000000000000003.log', '00000000000000000004.log']);
  // Three files of each segment, and the snapshot at 1. The snapshot at 2 stays until the next removal.
  expect(names(/deleted$/)).toHaveLength(10);
  expect(removed.flatMap(({ paths }) => paths).sort()).toEqual(
    names(/deleted$/).map((name) => `${DIRECTORY}/${name}`),
  );
  expect(names(/snapshot$/).map(Number.parseFloat)).toEqual([2, 3, 4]);
  expect(readAll(log)).toHaveLength(2);
  expect(log.epochs.entries).toEqual([{ epoch: 0, startOffset: 3 }]);
  expect(logger.events.filter(({ event }) => event === 'log-records-expired')).toMatchObject([
    { level: 'info', facts: { from: 0, to: 3, byTime: 3, bySize: 0 } },
  ]);
});

test('when all records expire, the log begins a new segment at its end, and offsets and producers continue', () => {
  const { log, disk, names } = setUp();
  fill(log, 3, 2 * HOUR_MS);
  expect(log.expire(log.endOffset, NOW)).toEqual({ isRaised: true, isRolled: true, hasMore: false });
  removeAll(log, disk);
  expect([log.startOffset, log.endOffset, log.segmentCount, log.sizeBytes]).toEqual([3, 3, 1, 0]);
  expect(names(/\.log$/)).toEqual(['00000000000000000003.log']);
  expect(log.epochs.latest).toBe(0);
  const again = log.appendAsLeader(sequenced(1, 2, 1, { valueBytes: 200, timestamps: [NOW - 2 * HOUR_MS] }), {
    leaderEpoch: 0,
    nowWallMs: NOW,
  });
  expect(again).toMatchObject({ ok: true, duplicate: true, baseOffset: 2 });
  fill(log, 1);
  expect([log.endOffset, readAll(log).length]).toEqual([4, 1]);
  log.expire(log.endOffset, NOW);
  expect(log.startOffset).toBe(3);
});

test('after a deletion of all records, a look begins a new segment, but no record expires', () => {
  const { log, disk, names, logger } = setUp();
  fill(log, 3, 2 * HOUR_MS);
  log.advanceStartOffset(3);
  expect(log.expire(3, NOW)).toEqual({ isRaised: false, isRolled: true, hasMore: false });
  expect(logger.events.filter(({ event }) => event === 'log-records-expired')).toEqual([]);
  expect(removeAll(log, disk)).toHaveLength(3);
  expect(names(/\.log$/)).toEqual(['00000000000000000003.log']);
  expect([log.startOffset, log.endOffset]).toEqual([3, 3]);
});

test('one look judges at most 20 segments by time, and says that more may have expired', () => {
  const { log } = setUp();
  fill(log, 45, 2 * HOUR_MS);
  fill(log, 1);
  const looks = [1, 2, 3].map(() => [log.expire(46, NOW).hasMore, log.startOffset]);
  expect(looks).toEqual([
    [true, 20],
    [true, 40],
    [false, 45],
  ]);
});

test('nothing at or above the high watermark expires', () => {
  const { log } = setUp();
  fill(log, 5, 2 * HOUR_MS);
  log.expire(2, NOW);
  expect([log.startOffset, log.segmentCount]).toEqual([2, 5]);
  log.expire(4, NOW);
  expect([log.startOffset, log.segmentCount]).toEqual([4, 5]);
});

test('records without timestamps count from the last change of the file', () => {
  const disk = new NamesDisk();
  const { log } = setUp({ disk });
  disk.nowWallMs = NOW;
  append(log, batch(1, { valueBytes: 200, timestamps: [-1] }));
  append(log, batch(1, { valueBytes: 200, timestamps: [-1] }));
  log.expire(2, NOW + HOUR_MS);
  expect(log.startOffset).toBe(0);
  log.expire(2, NOW + HOUR_MS + 1);
  expect(log.startOffset).toBe(2);
});

test('a compact-only topic keeps its segments, except those below its log start offset', () => {
  const { log, disk } = setUp({ config: { deletesOldRecords: false, retentionBytes: 0 } });
  fill(log, 4, 2 * HOUR_MS);
  log.expire(4, NOW);
  expect(log.startOffset).toBe(0);
  log.advanceStartOffset(2);
  log.expire(4, NOW);
  removeAll(log, disk);
  expect([log.startOffset, log.segmentCount]).toEqual([2, 2]);
});

test('a lookup by time and a read at the start see only what is left', () => {
  const { log, disk } = setUp();
  fill(log, 2, 2 * HOUR_MS);
  fill(log, 2);
  log.expire(4, NOW);
  for (const isRemoved of [false, true]) {
    if (isRemoved) removeAll(log, disk);
    expect(log.times.find(NOW - 3 * HOUR_MS, { work: 1e9 })).toMatchObject({ offset: 2 });
    const read = log.read({ fromOffset: 2, endOffsetMax: 4, maxBytes: 1e6, atLeastOneBatch: true });
    expect(read.sizeBytes).toBeGreaterThan(0);
  }
});

test('a sync of a removed segment still ends, and does not bring its file back', () => {
  const { log, disk, names } = setUp();
  fill(log, 3, 2 * HOUR_MS);
  const synced: unknown[] = [];
  log.flush((error) => synced.push(error));
  log.expire(3, NOW);
  removeAll(log, disk);
  expect(synced).toEqual([undefined]);
  log.flush((error) => synced.push(error));
  (disk as NamesDisk).settle();
  expect(synced).toEqual([undefined, undefined]);
  expect(names(/\.(log|index|timeindex)$/)).toHaveLength(3);
});

test('a truncation or a close during the sync of the folder cancels the removal', () => {
  const cut = setUp();
  fill(cut.log, 3, 2 * HOUR_MS);
  fill(cut.log, 1);
  cut.log.expire(4, NOW);
  const answers: (RemovedSegment | undefined)[] = [];
  cut.log.removeNext((removed) => answers.push(removed));
  cut.log.truncateFullyAndStartAt(100);
  (cut.disk as NamesDisk).settle();
  expect([answers, cut.names(/\.log$/)]).toEqual([[undefined], ['00000000000000000100.log']]);
  const closed = setUp();
  fill(closed.log, 3, 2 * HOUR_MS);
  closed.log.expire(3, NOW);
  closed.log.removeNext((removed) => answers.push(removed));
  closed.log.close({ clean: true });
  (closed.disk as NamesDisk).settle();
  expect([answers, closed.names(/deleted$/)]).toEqual([[undefined, undefined], []]);
});

test('a segment whose file cannot be renamed stays, and the next call removes it', () => {
  class Stubborn extends NamesDisk {
    isFailing = true;
    override rename(from: string, to: string): void {
      if (this.isFailing && to.endsWith('.log.deleted')) throw new DiskError('EACCES', `${from}: no`);
      super.rename(from, to);
    }
  }
  const disk = new Stubborn();
  const { log, logger } = setUp({ disk });
  fill(log, 2, 2 * HOUR_MS);
  fill(log, 1);
  log.expire(3, NOW);
  expect(removeAll(log, disk)).toEqual([]);
  expect([log.segmentCount, log.startOffset, log.offline]).toEqual([3, 2, undefined]);
  expect(logger.events.at(-1)).toMatchObject({ event: 'segment-removal-failed' });
  expect(readAll(log)).toHaveLength(1);
  disk.isFailing = false;
  expect(removeAll(log, disk)).toHaveLength(2);
});

test('a full disk at a look leaves the log online, and recovery finds the leader epochs', () => {
  const disk = new NamesDisk();
  const { log } = setUp({ disk });
  fill(log, 2, 2 * HOUR_MS);
  fill(log, 1);
  disk.failWrites = 'ENOSPC';
  expect(log.expire(3, NOW).failure).toBeUndefined();
  expect([log.startOffset, log.offline]).toEqual([2, undefined]);
  expect(removeAll(log, disk)).toHaveLength(2);
  const again = openLog({ disk: disk.afterKill(), config: { segmentBytes: 300 } });
  expect(again.epochs.entries).toEqual([{ epoch: 0, startOffset: 2 }]);
});

test('a folder that cannot be opened to sync delays the removal; a failed sync takes the log offline', () => {
  for (const code of ['EMFILE', 'ENOSPC', 'EIO']) {
    class Busy extends NamesDisk {
      isFailing = false;
      override syncFolder(directory: string, done: (error?: DiskError) => void): void {
        const error = this.isFailing ? new DiskError(code, `${directory}: no`) : undefined;
        super.syncFolder(directory, () => done(error));
      }
    }
    const disk = new Busy();
    const { log, logger } = setUp({ disk });
    fill(log, 2, 2 * HOUR_MS);
    fill(log, 1);
    log.expire(3, NOW);
    disk.settle();
    disk.isFailing = true;
    expect(removeAll(log, disk)).toEqual([]);
    disk.isFailing = false;
    if (code !== 'EMFILE') {
      expect(log.offline).toMatch(code);
      continue;
    }
    expect(log.offline).toBeUndefined();
    expect(logger.events.at(-1)).toMatchObject({ event: 'segment-removal-failed' });
    expect(removeAll(log, disk)).toHaveLength(2);
  }
});

test('a power loss that takes every unsynced byte leaves the producer states of the removed segments', () => {
  const { log, disk } = setUp();
  fill(log, 3, 2 * HOUR_MS);
  log.flush(() => {});
  (disk as NamesDisk).settle();
  log.expire(3, NOW);
  removeAll(log, disk);
  const left = (disk as NamesDisk).afterPowerLoss(
    () => true,
    () => false,
  );
  const again = openLog({ disk: left, config: { segmentBytes: 300 }, recoveryPoint: 3 });
  expect([again.startOffset, again.endOffset]).toEqual([3, 3]);
  expect(lastSequence(again)).toBe(2);
});

/** Two old segments, the first of which holds only zeros on the disk, and one young segment. */
function setUpDamaged(config: object = {}) {
  const { log, disk, names } = setUp();
  disk.nowWallMs = NOW;
  fill(log, 2, 2 * HOUR_MS);
  fill(log, 1);
  log.close({ clean: true });
  const file = disk.open(`${DIRECTORY}/${names(/\.log$/)[0]}`);
  file.write(0, [new Uint8Array(file.size())]);
  const settings = { segmentBytes: 300, retentionMs: HOUR_MS, ...config };
  const logger = new MemoryLogger();
  const again = openLog({ disk, logger, config: settings, cleanShutdown: true, recoveryPoint: 3 });
  return { disk, logger, again };
}

test('damage that hides a timestamp is reported, and the age counts from the last change of the file', () => {
  const { again } = setUpDamaged();
  expect(again.expire(3, NOW + HOUR_MS).failure?.damage).toMatch(/00000000000000000000.log/);
  expect(again.startOffset).toBe(0);
  const late = again.expire(3, NOW + HOUR_MS + 1);
  expect(late).toMatchObject({ isRaised: true, failure: { damage: expect.stringMatching('log') } });
  expect(again.startOffset).toBe(3);
});

test('a segment whose timestamps cannot be read does not stop retention by size', () => {
  for (const [code, startsLater] of [
    ['EIO', 3],
    ['EMFILE', 1],
  ] as const) {
    class Failing extends NamesDisk {
      isFailing = false;
      override open(path: string): ReturnType<NamesDisk['open']> {
        if (this.isFailing && path.endsWith('00001.timeindex')) throw new DiskError(code, `${path}: no`);
        return super.open(path);
      }
    }
    const disk = new Failing();
    disk.nowWallMs = NOW;
    const made = setUp({ disk });
    fill(made.log, 2, 2 * HOUR_MS);
    fill(made.log, 1);
    const retentionBytes = (made.log.sizeBytes / 3) * 2;
    made.log.close({ clean: true });
    const config = { segmentBytes: 300, retentionMs: HOUR_MS, retentionBytes };
    // Only one file may be open, so retention must open the index files again.
    const files = new OpenFiles(disk, { openFilesMax: 1 });
    const log = openLog({ disk, config, files, cleanShutdown: true, recoveryPoint: 3 });
    disk.isFailing = true;
    expect(log.expire(3, NOW)).toMatchObject({ isRaised: true, failure: {} });
    expect([log.startOffset, log.offline]).toEqual([1, undefined]);
    log.expire(3, NOW + HOUR_MS + 1);
    expect(log.startOffset).toBe(startsLater);
  }
});

test('a look that meets damage and then cannot write reports both', () => {
  const { disk, again, logger } = setUpDamaged();
  disk.failWrites = 'ENOSPC';
  const result = again.expire(3, NOW + HOUR_MS + 1);
  expect(result).toMatchObject({ isRaised: false, failure: { damage: expect.stringMatching('log') } });
  expect(logger.events.map(({ event }) => event)).toContain('log-write-failed');
  expect([again.startOffset, again.offline]).toEqual([0, undefined]);
});

test('a snapshot that cannot be renamed stays, and its segment goes', () => {
  class Stubborn extends NamesDisk {
    isFailing = true;
    override rename(from: string, to: string): void {
      if (this.isFailing && to.endsWith('1.snapshot.deleted')) throw new DiskError('EACCES', `${from}: no`);
      super.rename(from, to);
    }
  }
  const disk = new Stubborn();
  const { log, names } = setUp({ disk });
  fill(log, 3, 2 * HOUR_MS);
  fill(log, 1);
  log.expire(4, NOW);
  const removed = removeAll(log, disk);
  expect(removed.map(({ paths }) => paths.length)).toEqual([3, 3, 3]);
  expect(names(/snapshot$/)).toHaveLength(3);
  disk.isFailing = false;
  fill(log, 1);
  log.advanceStartOffset(4);
  expect(removeAll(log, disk).map(({ paths }) => paths.length)).toEqual([5]);
  expect(names(/snapshot$/).map(Number.parseFloat)).toEqual([3, 4]);
});

test('if a truncation replaces the segments during the sync of the folder, a new segment goes only after another sync', () => {
  const { log, disk, names } = setUp();
  fill(log, 3, 2 * HOUR_MS);
  fill(log, 1);
  log.expire(4, NOW);
  const answers: (RemovedSegment | undefined)[] = [];
  log.removeNext((removed) => answers.push(removed));
  log.truncateFullyAndStartAt(100);
  fill(log, 2);
  log.advanceStartOffset(101);
  (disk as NamesDisk).settle();
  expect([answers, log.hasExpired]).toEqual([[undefined], true]);
  expect(names(/\.log$/)).toEqual(['00000000000000000100.log', '00000000000000000101.log']);
  expect(removeAll(log, disk).map(({ baseOffset }) => baseOffset)).toEqual([100]);
});

test('the next open removes marked files, and does not bring their records back', () => {
  const { log, disk, names } = setUp();
  fill(log, 3, 2 * HOUR_MS);
  fill(log, 2);
  log.expire(5, NOW);
  removeAll(log, disk);
  expect(names(/deleted$/).length).toBeGreaterThan(0);
  const again = openLog({ disk, config: { segmentBytes: 300 } });
  expect([again.startOffset, again.endOffset, again.segmentCount]).toEqual([3, 5, 2]);
  (disk as NamesDisk).settle();
  expect(names(/deleted$/)).toEqual([]);
});

test('a crash at any change of a name leaves a log without a hole: after a kill, and after a power loss that keeps any of the unsynced changes and bytes', () => {
  fc.assert(
    fc.property(
      fc.nat(4),
      fc.nat(4),
      fc.boolean(),
      fc.infiniteStream(fc.boolean()),
      (old, young, hasCheckpoint, isKept) => {
        const disk = new NamesDisk();
        const { log } = setUp({ disk });
        // A producer whose only batch expires.
        append(log, sequenced(2, 0, 1, { valueBytes: 200, timestamps: [NOW - 2 * HOUR_MS] }));
        fill(log, old, 2 * HOUR_MS);
        fill(log, young);
        log.flush(() => {});
        disk.settle();
        const endOffset = log.endOffset;
        const check = (left: MemoryDisk): void => {
          const again = openLog({
            disk: left,
            config: { segmentBytes: 300 },
            recoveryPoint: endOffset,
            ...(hasCheckpoint ? { startOffset: log.startOffset } : {}),
          });
          expect(again.endOffset).toBe(endOffset);
          expect(again.startOffset).toBeLessThanOrEqual(log.startOffset);
          if (hasCheckpoint) expect(again.startOffset).toBe(log.startOffset);
          expect(readAll(again)).toHaveLength(endOffset - again.startOffset);
          expect(lastSequence(again)).toBe(lastSequence(log));
          expect(again.producers.get(2)?.batches).toHaveLength(1);
          expect(left.list(DIRECTORY).filter((name) => name.endsWith('.deleted'))).toEqual([]);
          expect(again.expire(endOffset, NOW).failure).toBeUndefined();
        };
        disk.changed = () => {
          check(disk.afterKill());
          check(
            disk.afterPowerLoss(
              () => isKept.next().value,
              () => isKept.next().value,
            ),
          );
        };
        log.expire(endOffset, NOW);
        removeAll(log, disk);
        disk.changed = () => {};
        check(disk.afterKill());
      },
    ),
    { numRuns: 150 },
  );
});
