/** Goal: a cleaning that fails leaves the log as it was, says why, and does not hinder a later one. */
import { DiskError } from '@millrace/base';
import { ManualJobs } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { allRecords, Cleaning, cleanLog, stateOf } from '../support/cleaning.ts';
import { CONFIG, fill, setUp } from '../support/compacted-log.ts';
import { config, DIRECTORY, openLog } from '../support/logs.ts';
import { NamesDisk } from '../support/names-disk.ts';

test('a damaged segment fails the cleaning and stays as it is', () => {
  // A byte of a record, and one of a base offset, which no checksum covers.
  for (const [at, reason] of [
    [65, 'checksum'],
    [75, 'offsets'],
  ] as const) {
    const { log, disk, names } = setUp();
    fill(log, disk, ['a=1', 'a=2', 'a=3', 'a=4', 'a=5', 'a=6']);
    disk.open(`${DIRECTORY}/${names(/\.log$/)[0]}`).write(at, [Uint8Array.of(99)]);
    const { results } = cleanLog(log, disk);
    expect(results).toMatchObject([
      { ok: false, damage: expect.stringContaining(reason), isTransient: false },
    ]);
    expect([log.offline, log.cleanedTo, names(/(cleaned|swap|deleted)$/)]).toEqual([
      undefined,
      undefined,
      [],
    ]);
    // The log stays uncleanable until it is emptied.
    expect(log.uncleanable).toEqual(expect.stringContaining(reason));
    log.truncateFullyAndStartAt(0);
    expect(log.uncleanable).toBeUndefined();
  }
});

test('if the system has no memory for the offset map, the cleaning fails, and the next one may succeed', () => {
  const { log, disk } = setUp();
  fill(log, disk, ['a=1', 'a=2', 'a=3', 'a=4', 'a=5', 'a=6']);
  const cleaning = new Cleaning(log, disk, { keysMax: 2 ** 50 });
  cleaning.turns();
  const reason = expect.stringContaining('bytes for the offset map');
  expect(cleaning.results).toMatchObject([{ ok: false, reason, isTransient: true, damage: undefined }]);
  expect(cleanLog(log, disk).results).toMatchObject([{ ok: true }]);
});

test('a full disk fails the cleaning; the log stays online, and the next cleaning succeeds', () => {
  const { log, disk, names } = setUp();
  fill(log, disk, ['a=1', 'a=2', 'a=3', 'a=4', 'a=5', 'a=6']);
  const cleaning = new Cleaning(log, disk);
  disk.failWrites = 'ENOSPC';
  cleaning.turns();
  expect(cleaning.results).toMatchObject([{ ok: false, isTransient: true, damage: undefined }]);
  expect([log.offline, names(/(cleaned|swap|deleted)$/)]).toEqual([undefined, []]);
  disk.failWrites = undefined;
  expect(cleanLog(log, disk).results).toMatchObject([{ ok: true }]);
});

test('a failed job fails the cleaning; a refused job waits', () => {
  const { log, disk, names } = setUp();
  fill(log, disk, ['a=1', 'a=2', 'a=3', 'a=4', 'a=5', 'a=6']);
  const jobs = new ManualJobs();
  jobs.isFull = true;
  const cleaning = new Cleaning(log, disk, { jobs });
  cleaning.turns(3);
  expect(cleaning.queue).toHaveLength(1);
  jobs.isFull = false;
  cleaning.turns(1);
  jobs.failOne('the worker died');
  // The log is not damaged, but another attempt would fail, too.
  const reason = expect.stringContaining('the worker died');
  expect(cleaning.results).toMatchObject([{ ok: false, reason, isTransient: false, damage: undefined }]);
  expect(log.uncleanable).toEqual(reason);
  expect(names(/cleaned$/)).toEqual([]);
});

test('if the sync of a folder fails during a swap, the log goes offline, and recovery undoes or completes the swap', () => {
  class Failing extends NamesDisk {
    failAt = Number.MAX_SAFE_INTEGER;
    syncs = 0;
    override syncFolder(directory: string, done: (error?: DiskError) => void): void {
      const error = this.syncs++ >= this.failAt ? new DiskError('EIO', `${directory}: no`) : undefined;
      super.syncFolder(directory, () => done(error));
    }
  }
  for (let failing = 0; failing < 4; failing++) {
    const disk = new Failing();
    const { log } = setUp({ disk });
    fill(log, disk, ['a=1', 'a=2', 'a=3', 'a=4', 'a=5', 'a=6']);
    const expected = stateOf(allRecords(log));
    disk.failAt = disk.syncs + failing;
    const { results } = cleanLog(log, disk);
    expect(results).toMatchObject([{ ok: false }]);
    expect(log.offline).toMatch('EIO');
    const again = openLog({ disk: disk.afterKill(), config: CONFIG, recoveryPoint: log.recoveryPoint });
    expect(stateOf(allRecords(again))).toEqual(expected);
  }
});

test('a file of a cleaning that failed does not make recovery undo a later swap', () => {
  /** While a test says so, cannot open cleaned files to sync them, or cannot remove them. */
  class Failing extends NamesDisk {
    hasTooManyOpenFiles = false;
    keepsCleaned = false;
    private opened = 0;
    override open(path: string) {
      if (path.endsWith('.cleaned')) this.opened++;
      // The run opens three files to write them. The swap opens them again.
      if (this.hasTooManyOpenFiles && path.endsWith('.cleaned') && this.opened > 3)
        throw new DiskError('EMFILE', `${path}: too many open files`);
      return super.open(path);
    }
    override rename(from: string, to: string): void {
      if (this.keepsCleaned && from.endsWith('.cleaned') && to.endsWith('.deleted'))
        throw new DiskError('EACCES', `${from}: no`);
      super.rename(from, to);
    }
    override remove(path: string): void {
      if (this.keepsCleaned && path.endsWith('.cleaned')) throw new DiskError('EACCES', `${path}: no`);
      super.remove(path);
    }
  }
  for (const keepsCleaned of [false, true]) {
    const disk = new Failing();
    const { log, names } = setUp({ disk, config: { segmentBytes: 170 } });
    fill(log, disk, ['a=1', 'a=2', 'b=1', 'c=1', 'd=1', 'e=1', 'd=2', 'g=1', 'f=1']);
    const expected = stateOf(allRecords(log));
    Object.assign(disk, { hasTooManyOpenFiles: true, keepsCleaned });
    expect(cleanLog(log, disk).results).toMatchObject([{ ok: false, reason: expect.any(String) }]);
    expect([log.offline, names(/cleaned$/).length > 0]).toEqual([undefined, keepsCleaned]);
    disk.hasTooManyOpenFiles = false;
    // The swap that failed was for a segment that is removed now.
    log.advanceStartOffset(2);
    log.removeNext(() => {});
    disk.settle();
    if (keepsCleaned) {
      const { segmentCount } = log;
      expect(cleanLog(log, disk).results).toMatchObject([{ ok: false, reason: expect.stringMatching('no') }]);
      expect(log.segmentCount).toBe(segmentCount);
      disk.keepsCleaned = false;
    }
    const after = stateOf(allRecords(log));
    expect(Object.keys(after)).toEqual(Object.keys(expected).filter((key) => key !== 'a'));
    disk.changed = () => {
      const again = openLog({
        disk: disk.afterKill(),
        config: CONFIG,
        recoveryPoint: log.endOffset,
        startOffset: 2,
      });
      expect([again.startOffset, again.endOffset]).toEqual([2, log.endOffset]);
      expect(stateOf(allRecords(again))).toEqual(after);
    };
    expect(cleanLog(log, disk).results).toMatchObject([{ ok: true }]);
  }
});

test('a cleaning ends as cancelled if the log goes offline while a swap runs', () => {
  const { log, disk } = setUp();
  fill(log, disk, ['a=1', 'a=2', 'a=3', 'a=4', 'a=5', 'a=6']);
  const cleaning = new Cleaning(log, disk, { settle: () => {} });
  cleaning.turns();
  expect(cleaning.results).toEqual([]);
  log.health.goOffline('the disk is gone');
  disk.settle();
  cleaning.turns();
  expect([cleaning.results, log.uncleanable]).toEqual([[undefined], undefined]);
});

test('a callback that the index line left does not end a swap', () => {
  const { log, disk, names } = setUp();
  fill(log, disk, ['a=1', 'a=2', 'b=3', 'c=4', 'd=5', 'e=6', 'f=7', 'g=8', 'h=9', 'a=10']);
  const jobs = new ManualJobs();
  let started = 0;
  let late: (() => void) | undefined;
  const cleaning = new Cleaning(log, disk, {
    keysMax: 2,
    chunkBytes: 100,
    settle: () => {},
    ports: (ports) => ({
      ...ports,
      // The workers are busy when the line wants its fifth job. Then the answer in hand fills the map.
      jobs: { start: (...job) => (++started === 5 ? undefined : jobs.start(...job)) },
      wait: (next) => {
        late = next;
      },
    }),
  });
  const step = (): void => {
    if (cleaning.turns(1)) return;
    if (jobs.waiting.length > 0) jobs.finishOne();
    else disk.settleOne();
  };
  for (let turn = 0; turn < 200 && names(/\.swap$/).length === 0; turn++) step();
  expect([names(/\.log\.swap$/).length, late === undefined]).toEqual([1, false]);
  log.setConfig(config({ ...CONFIG, isCompacted: false }));
  late!();
  for (let turn = 0; turn < 200; turn++) step();
  expect([names(/(cleaned|swap)$/), log.offline]).toEqual([[], undefined]);
  expect(cleaning.results).toEqual([undefined]);
});
