/**
 * Goal: preallocation and segment.jitter.ms work as in Kafka, and a failed read changes nothing. Method: a
 * log on a memory disk, whose files the test inspects.
 */
import { DiskError } from '@millrace/base';
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { describe, expect, test, vi } from 'vitest';
import { OpenFiles } from '../../src/files/open-files.ts';
import { Segment } from '../../src/segment/segment.ts';
import { append, batch, contents, DIRECTORY, NOW, openLog, readAll } from '../support/logs.ts';

const PREALLOCATED = { segmentBytes: 500, preallocate: true };

function logFiles(disk: MemoryDisk): [name: string, sizeBytes: number][] {
  return disk
    .list(DIRECTORY)
    .filter((name) => name.endsWith('.log'))
    .map((name) => [name, disk.readFile(`${DIRECTORY}/${name}`)!.length]);
}

const sizeBytes = batch(1, { valueBytes: 100 }).length;

function filled(disk: MemoryDisk, count: number) {
  const log = openLog({ disk, config: PREALLOCATED });
  for (let i = 0; i < count; i++) append(log, batch(1, { valueBytes: 100 }));
  return log;
}

test('with preallocate a segment has its full size at once, and the roll cuts it to its batches', () => {
  const disk = new MemoryDisk();
  const log = filled(disk, 1);
  expect(logFiles(disk)).toEqual([['00000000000000000000.log', 500]]);
  expect(log.sizeBytes).toBe(sizeBytes);
  append(log, batch(1, { valueBytes: 100 }));
  append(log, batch(1, { valueBytes: 100 }));
  expect(logFiles(disk)).toEqual([
    ['00000000000000000000.log', 2 * sizeBytes],
    ['00000000000000000002.log', 500],
  ]);
  expect(contents(log)).toHaveLength(3);
});

test('a clean stop cuts the last segment on the device, too: a power loss does not restore the zeros', async () => {
  const disk = new MemoryDisk();
  const log = filled(disk, 3);
  await new Promise<void>((resolve) => log.flush(() => resolve()));
  log.close({ clean: true });
  disk.losePower();
  expect(logFiles(disk)).toEqual([
    ['00000000000000000000.log', 2 * sizeBytes],
    ['00000000000000000002.log', sizeBytes],
  ]);
  const logger = new MemoryLogger();
  const again = openLog({ disk, config: PREALLOCATED, cleanShutdown: true, logger });
  expect(again.wasCut).toBe(false);
  expect(again.endOffset).toBe(3);
  expect(logger.events).toEqual([]);
});

test('after a crash, recovery cuts the zeros after the last batch and keeps all batches', () => {
  const disk = new MemoryDisk();
  filled(disk, 3);
  const logger = new MemoryLogger();
  const again = openLog({ disk, config: PREALLOCATED, logger });
  expect(contents(again)).toHaveLength(3);
  expect(logger.events).toMatchObject([
    { event: 'log-cut', facts: { endOffset: 3, reason: 'zeros follow the last batch' } },
  ]);
  expect(append(again, batch(1))).toBe(3);
  expect(contents(again)).toHaveLength(4);
});

test('a log with preallocated segments accepts appends after truncateTo and truncateFullyAndStartAt', () => {
  const disk = new MemoryDisk();
  const log = filled(disk, 2);
  log.truncateTo(1);
  expect(append(log, batch(1, { valueBytes: 100 }))).toBe(1);
  expect(contents(log)).toHaveLength(2);
  log.truncateFullyAndStartAt(7);
  expect(logFiles(disk)).toEqual([['00000000000000000007.log', 500]]);
  expect(append(log, batch(1))).toBe(7);
});

test('with segment.jitter.ms logs roll at different ages, never later than segment.ms', () => {
  const config = { segmentMs: 10_000, segmentJitterMs: 5_000 };
  const ages = Array.from({ length: 20 }, (_unused, index) => {
    const log = openLog({ directory: `/data/topic-${index}`, config });
    append(log, batch(1, { timestamps: [NOW] }));
    for (let ageMs = 0; ; ageMs += 100) {
      append(log, batch(1, { timestamps: [NOW + ageMs] }));
      if (log.segmentCount > 1) return ageMs;
    }
  });
  expect(Math.max(...ages)).toBeLessThanOrEqual(10_100);
  expect(Math.min(...ages)).toBeGreaterThan(5_000);
  expect(new Set(ages).size).toBeGreaterThan(10);
});

test('a jitter larger than segment.ms does not roll a segment at once', () => {
  const log = openLog({ config: { segmentMs: 1_000, segmentJitterMs: 1_000_000 } });
  append(log, batch(1, { timestamps: [NOW] }));
  append(log, batch(1, { timestamps: [NOW] }));
  expect(log.segmentCount).toBe(1);
});

test('an emptied time index does not hide the timestamps that follow a first batch without one', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk, config: { indexIntervalBytes: 1 } });
  append(log, batch(1, { timestamps: [-1] }));
  for (let i = 0; i < 9; i++) append(log, batch(1, { valueBytes: 5000, timestamps: [NOW + i] }));
  log.close({ clean: true });
  const name = `${DIRECTORY}/00000000000000000000`;
  disk.writeFileAtomic(`${name}.timeindex`, new Uint8Array());
  const segment = new Segment(new OpenFiles(disk), DIRECTORY, 0, NOW);
  segment.sizeBytes = disk.readFile(`${name}.log`)!.length;
  expect(segment.largestTimestamp()).toEqual({ timestamp: NOW + 8, offset: 9 });
});

test('a segment without timestamps is not read whole to find one', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk, config: { indexIntervalBytes: 1 } });
  for (let i = 0; i < 9; i++) append(log, batch(1, { valueBytes: 9000, timestamps: [-1] }));
  log.close({ clean: true });
  const segment = new Segment(new OpenFiles(disk), DIRECTORY, 0, NOW);
  segment.sizeBytes = disk.readFile(`${DIRECTORY}/00000000000000000000.log`)!.length;
  const file = segment.log.file();
  const read = vi.spyOn(file, 'read');
  expect(segment.largestTimestamp()).toEqual({ timestamp: -1, offset: 0 });
  const bytes = read.mock.calls.reduce((sum, [, target]) => sum + target.length, 0);
  expect(bytes).toBeLessThan(20_000);
});

describe('a read that fails', () => {
  /** Fails one read of the log file: the n-th from now. */
  class Failing extends MemoryDisk {
    readsLeft = Number.POSITIVE_INFINITY;

    override open(path: string): ReturnType<MemoryDisk['open']> {
      const file = super.open(path);
      const read = file.read.bind(file);
      file.read = (position, target) => {
        if (path.endsWith('.log') && --this.readsLeft === 0) throw new DiskError('EMFILE', `${path}: EMFILE`);
        return read(position, target);
      };
      return file;
    }
  }

  const NAME = `${DIRECTORY}/00000000000000000000`;

  test('in the middle of a rebuild of the indexes leaves the end of the segment where it was', () => {
    const disk = new Failing();
    const settings = { disk, config: { indexIntervalBytes: 1 } };
    const large = (timestamp: number) => batch(1, { valueBytes: 600_000, timestamps: [timestamp] });
    const first = openLog(settings);
    for (const at of [0, 1, 2]) append(first, large(NOW + at));
    first.close({ clean: true });
    // The entry of the second batch names a wrong position.
    disk.open(`${NAME}.index`).write(4, [new Uint8Array([0, 0, 0, 7])]);
    const log = openLog({ ...settings, cleanShutdown: true });
    // The first read shows that the entry is wrong. Then the rebuild reads two batches at once. Its next
    // read, of the third batch, fails.
    disk.readsLeft = 3;
    const request = { fromOffset: 1, endOffsetMax: 3, maxBytes: 1 << 21, atLeastOneBatch: true };
    expect(log.read(request).errorCode).not.toBe(0);
    expect(disk.readsLeft).toBe(0);
    append(log, large(NOW + 3));
    expect(readAll(log)).toHaveLength(4);
    expect(readAll(openLog(settings))).toHaveLength(4);
  });

  test('of the first timestamp does not count as "no timestamp"', () => {
    const disk = new Failing();
    append(openLog({ disk }), batch(1, { timestamps: [NOW] }));
    const segment = new Segment(new OpenFiles(disk), DIRECTORY, 0, NOW);
    segment.sizeBytes = disk.readFile(`${NAME}.log`)!.length;
    disk.readsLeft = 1;
    expect(() => segment.largestTimestamp()).toThrow('EMFILE');
    expect(segment.largestTimestamp()).toEqual({ timestamp: NOW, offset: 0 });
  });
});
