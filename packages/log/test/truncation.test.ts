/**
 * Removes records from either end of a log, and checks that the log also forgets the state derived from them.
 */
import { DiskError, Prng } from '@millrace/base';
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { FAILED_SYNC_FILE } from '../src/files/failed-sync.ts';
import { recordsOf } from './support/cleaning.ts';
import { append, batch, DIRECTORY, openLog, readAll, sequenced } from './support/logs.ts';
import { NamesDisk } from './support/names-disk.ts';

test('a truncation also truncates segments, leader epochs and producer states, and appends continue', () => {
  const logger = new MemoryLogger();
  const log = openLog({ logger, config: { segmentBytes: 300 } });
  for (let i = 0; i < 10; i++) append(log, sequenced(1, i, 1, { valueBytes: 60 }), Math.floor(i / 4));
  log.truncateTo(20);
  expect(log.endOffset).toBe(10);
  log.truncateTo(5);
  expect(log.endOffset).toBe(5);
  expect(log.epochs.latest).toBe(1);
  expect(log.producers.get(1)?.batches.at(-1)?.lastSequence).toBe(4);
  expect(logger.events.filter((event) => event.event === 'log-truncated')).toMatchObject([
    { facts: { endOffset: 5, oldEndOffset: 10 } },
  ]);
  expect(append(log, sequenced(1, 5, 1), 7)).toBe(5);
  expect(readAll(log).length).toBe(6);
  log.truncateTo(0);
  expect(log.producers.size).toBe(0);
  expect(log.epochs.entries).toEqual([]);
});

test('a truncation to the end removes an epoch that began there', () => {
  const log = openLog();
  append(log, batch(3), 1);
  log.assignLeaderEpoch(2, 3);
  expect(log.endOffsetForEpoch(1)).toEqual({ epoch: 1, endOffset: 3 });
  log.truncateTo(3);
  expect(log.epochs.latest).toBe(1);
});

test('if truncateFullyAndStartAt fails before the new segment exists, the log goes offline and keeps its old segments', () => {
  class Failing extends MemoryDisk {
    isFailing = false;
    override open(path: string): ReturnType<MemoryDisk['open']> {
      if (this.isFailing && path.includes('1000.'))
        throw new DiskError('EMFILE', `${path}: too many open files`);
      return super.open(path);
    }
  }
  const disk = new Failing();
  const log = openLog({ disk, config: { preallocate: true } });
  append(log, batch(3));
  disk.isFailing = true;
  log.truncateFullyAndStartAt(1000);
  expect([log.offline !== undefined, log.activeBaseOffset, log.endOffset]).toEqual([true, 0, 1000]);
});

/** The names of the log files, with their sizes. */
function sizes(disk: MemoryDisk): Record<string, number> {
  const names = disk.list(DIRECTORY).filter((name) => name.endsWith('.log'));
  return Object.fromEntries(
    names.map((name) => [Number.parseInt(name, 10), disk.open(`${DIRECTORY}/${name}`).size()]),
  );
}

test('after a truncation the log continues in a new file, and does not wait for the device', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk });
  const one = batch(1).length;
  for (let i = 0; i < 4; i++) append(log, batch(1));
  disk.deviceWaits = 0;
  log.truncateTo(2);
  append(log, batch(1), 1);
  expect(sizes(disk)).toEqual({ 0: 2 * one, 2: one });
  // A cut at the beginning of a file replaces the file.
  const file = disk.open(`${DIRECTORY}/00000000000000000002.log`);
  log.truncateTo(2);
  append(log, batch(2), 2);
  expect([file.size(), disk.deviceWaits]).toEqual([one, 1]);
  expect(sizes(disk)).toEqual({ 0: 2 * one, 2: batch(2).length });
  expect(log.close({ clean: true })).toBe(true);
  expect(readAll(openLog({ disk, cleanShutdown: true })).length).toBe(3);
});

test('a truncation that removes segments with records waits for the device', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk, config: { segmentBytes: 2 * batch(1).length } });
  for (let i = 0; i < 6; i++) append(log, batch(1));
  disk.deviceWaits = 0;
  log.truncateTo(1);
  expect([log.segmentCount, disk.deviceWaits]).toEqual([2, 1]);
});

test('before a roll, the device has the names that the last truncation left', () => {
  const syncs: (() => void)[] = [];
  const disk = new MemoryDisk((callback) => void syncs.push(callback));
  const log = openLog({ disk, config: { segmentBytes: 4 * batch(1).length } });
  const waitsOf = (appends: number): number => {
    disk.deviceWaits = 0;
    for (let i = 0; i < appends; i++) append(log, batch(1), 1);
    return disk.deviceWaits;
  };
  append(log, batch(1));
  append(log, batch(1));
  log.truncateTo(1);
  expect(waitsOf(4)).toBe(0);
  // The half-full segment has started a sync, but this sync has not ended. So the roll waits.
  expect(syncs.length).toBeGreaterThan(0);
  expect(waitsOf(1)).toBe(1);
  for (const done of syncs.splice(0)) done();
  log.truncateTo(4);
  expect(waitsOf(2)).toBe(0);
  for (const done of syncs.splice(0)) done();
  expect(waitsOf(3)).toBe(0);
});

test('if recovery cuts a log again after a truncation and a kill, no power loss joins old and new records', () => {
  const disk = new NamesDisk();
  disk.makeDirectory(DIRECTORY);
  const settings = { preallocate: true, segmentBytes: 1000 };
  const log = openLog({ disk, config: settings });
  for (let i = 0; i < 4; i++) append(log, batch(1, { values: ['old'] }));
  log.flush(() => {});
  disk.settle();
  log.truncateTo(2);
  append(log, batch(1, { values: ['new'] }));
  // After a kill, the preallocated file ends with zeros. Recovery cuts them off, and begins a third file.
  const killed = openLog({ disk, config: settings });
  append(killed, batch(1, { values: ['new'] }));
  expect(disk.exists(`${DIRECTORY}/00000000000000000003.log`)).toBe(true);
  for (let seed = 1; seed <= 400; seed++) {
    const random = new Prng(seed);
    const left = openLog({ disk: disk.afterAnyLoss(() => random.below(2) === 0), config: settings });
    const values = readAll(left).flatMap(recordsOf);
    if (values.includes('2:k0=old')) expect([seed, ...values]).not.toContain('3:k0=new');
  }
});

test('if the device loses the names of a truncation, the log goes offline, and notes the failed sync', () => {
  class Failing extends MemoryDisk {
    isFailing = false;
    override syncDirectory(directory: string): void {
      if (this.isFailing) throw new DiskError('EIO', `${directory}: planted`);
    }
  }
  const disk = new Failing();
  const log = openLog({ disk, config: { segmentBytes: 2 * batch(1).length } });
  for (let i = 0; i < 6; i++) append(log, batch(1));
  disk.isFailing = true;
  log.truncateTo(1);
  expect(log.offline).toMatch(/planted/);
  expect(disk.exists(`${DIRECTORY}/${FAILED_SYNC_FILE}`)).toBe(true);
});

test('truncateFullyAndStartAt removes all records, files and states', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk, config: { segmentBytes: 300 } });
  for (let i = 0; i < 10; i++) append(log, sequenced(1, i, 1, { valueBytes: 60 }));
  log.truncateFullyAndStartAt(1000);
  expect([log.startOffset, log.endOffset, log.sizeBytes, log.producers.size]).toEqual([1000, 1000, 0, 0]);
  expect(disk.list(DIRECTORY).filter((name) => name.endsWith('.log'))).toEqual(['00000000000000001000.log']);
  expect(append(log, batch(1))).toBe(1000);
});

test('truncateFullyAndStartAt renames the files, the newest segment first, and unlinks them in the background', () => {
  class Slow extends MemoryDisk {
    readonly unlinking: { path: string; done: () => void }[] = [];
    readonly renamed: string[] = [];
    override removeInBackground(path: string, done: () => void = () => {}): void {
      this.unlinking.push({ path, done });
    }
    override rename(from: string, to: string): void {
      super.rename(from, to);
      if (to.endsWith('.log.deleted')) this.renamed.push(from);
    }
  }
  const disk = new Slow();
  const log = openLog({ disk, config: { segmentBytes: 300 } });
  for (let i = 0; i < 10; i++) append(log, batch(1, { valueBytes: 60 }));
  const names = () => disk.list(DIRECTORY);
  const before = names().filter((name) => name.endsWith('.log'));
  expect(before.length).toBeGreaterThan(2);
  log.truncateFullyAndStartAt(1000);
  expect(names().filter((name) => name.endsWith('.log'))).toEqual(['00000000000000001000.log']);
  expect(disk.renamed).toEqual(before.reverse().map((name) => `${DIRECTORY}/${name}`));
  expect(disk.unlinking.map(({ path }) => path)).toEqual([`${disk.renamed[0]}.deleted`]);
  // After a restart, the broker unlinks the files that are left, one at a time again.
  const deleted = names().filter((name) => name.endsWith('.deleted'));
  expect(deleted.length).toBeGreaterThan(3);
  const again = openLog({ disk });
  expect([again.startOffset, disk.unlinking.length]).toEqual([1000, 2]);
  for (const { path, done } of disk.unlinking) {
    disk.remove(path);
    done();
  }
  expect(names().filter((name) => name.endsWith('.deleted'))).toEqual([]);
});

test('a higher start offset hides the records below it, and the first leader epoch begins at that offset', () => {
  const log = openLog({ config: { segmentBytes: 300 } });
  for (let i = 0; i < 10; i++) append(log, batch(1, { valueBytes: 60 }), i < 3 ? 0 : 2);
  const before = log.segmentCount;
  log.advanceStartOffset(7);
  expect([log.segmentCount, log.hasExpired]).toEqual([before, true]);
  expect(log.epochs.entries).toEqual([{ epoch: 2, startOffset: 7 }]);
  expect(readAll(log).length).toBe(3);
  log.advanceStartOffset(2);
  expect(log.startOffset).toBe(7);
});
