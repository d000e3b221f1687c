/**
 * Removes records from either end of a log, and checks that the log also forgets the state derived from them.
 */
import { DiskError } from '@millrace/base';
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { append, batch, DIRECTORY, openLog, readAll, sequenced } from './support/logs.ts';

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

test('if truncateFullyAndStartAt fails before the new segment exists, the log still has an active base offset', () => {
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
  expect([log.offline !== undefined, log.activeBaseOffset, log.endOffset]).toEqual([true, 1000, 1000]);
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
