/**
 * Goal: no lookup by time reads more than its turn allows, however much of a segment it must scan, and the
 * slices together find what one long scan would. Method: a disk that counts the bytes read from log files.
 */
import { MemoryDisk } from '@millrace/base/testing';
import type { Timestamp } from '@millrace/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PartitionLog } from '../../src/index.ts';
import { append, batch, config, NOW, openLog } from '../support/logs.ts';

class CountingDisk extends MemoryDisk {
  bytesRead = 0;

  override open(path: string): ReturnType<MemoryDisk['open']> {
    const file = super.open(path);
    const read = file.read.bind(file);
    file.read = (position, target) => {
      const got = read(position, target);
      if (path.endsWith('.log')) this.bytesRead += got;
      return got;
    };
    return file;
  }
}

const BIG_BYTES = 10_000;
const BATCHES = 200;
const WORK = 20_000;
/** A turn reads fewer bytes: `WORK` is enough for about eight batches, but a scan reads whole windows. */
const READ_MAX = 4 * 64 * 1024;

/** One segment of 2 MB. Only the first batch, which is deleted, has the largest timestamp. */
function deletedLargest() {
  const disk = new CountingDisk();
  const log = openLog({ disk, config: config({ segmentBytes: 1 << 30 }) });
  append(log, batch(1, { timestamps: [NOW + 1_000] }));
  for (let i = 1; i < BATCHES; i++)
    append(log, batch(1, { timestamps: [NOW + (i % 150)], valueBytes: BIG_BYTES }));
  log.advanceStartOffset(1);
  disk.bytesRead = 0;
  return { disk, log };
}

/** Calls until the lookup does not pause; each call has the work of one turn. */
function inTurns<T>(disk: CountingDisk, call: (budget: { work: number }) => T): { found: T; turns: number } {
  for (let turns = 1; ; turns++) {
    disk.bytesRead = 0;
    const found = call({ work: WORK });
    expect(disk.bytesRead).toBeLessThan(READ_MAX);
    if (typeof found !== 'object' || found === null || !('nextOffset' in found)) return { found, turns };
  }
}

const largestInTurns = (disk: CountingDisk, log: PartitionLog) =>
  inTurns(disk, (budget) => log.times.largest(budget));

test('the segment knows its largest timestamp: if its batch is not deleted, the lookup scans nothing', () => {
  const { disk, log } = deletedLargest();
  append(log, batch(1, { timestamps: [NOW + 2_000] }));
  disk.bytesRead = 0;
  expect(log.times.largest({ work: WORK })).toBe(NOW + 2_000);
  expect(disk.bytesRead).toBe(0);
});

test('if the batch with the largest timestamp is deleted, the lookup scans the rest in slices, once', () => {
  const { disk, log } = deletedLargest();
  const first = largestInTurns(disk, log);
  expect(first.found).toBe(NOW + 149);
  expect(first.turns).toBeGreaterThan(10);
  disk.bytesRead = 0;
  expect(log.times.largest({ work: WORK })).toBe(NOW + 149);
  expect(disk.bytesRead).toBe(0);
  // The next lookup reads only what was appended since.
  append(log, batch(1, { timestamps: [NOW + 500] }));
  disk.bytesRead = 0;
  expect(log.times.largest({ work: WORK })).toBe(NOW + 500);
  expect(disk.bytesRead).toBeLessThan(1_000);
});

test('the kept result no longer counts when its batch is deleted, or when the log is cut', () => {
  const { disk, log } = deletedLargest();
  largestInTurns(disk, log);
  log.advanceStartOffset(150);
  expect(largestInTurns(disk, log).found).toBe(NOW + 49);
  log.truncateTo(160);
  append(log, batch(1, { timestamps: [NOW + 30] }));
  expect(largestInTurns(disk, log).found).toBe(NOW + 30);
});

test('a lookup by time also pauses if only deleted batches have a timestamp as late as the wanted one', () => {
  const { disk, log } = deletedLargest();
  let behind: { nextOffset: number; timestamp: Timestamp } | undefined;
  const { found, turns } = inTurns(disk, (budget) => {
    const one = log.times.find(NOW + 600, budget, behind);
    if (one !== undefined && 'nextOffset' in one && !('batch' in one)) behind = one;
    return one;
  });
  expect(found).toBeUndefined();
  expect(turns).toBeGreaterThan(10);
});

test('slices find the same as one scan, whatever is appended, deleted or cut in between', () => {
  const step = fc.oneof(
    fc.record({ append: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ start: fc.nat(4) }),
    fc.record({ cut: fc.nat(4) }),
    fc.constant({}),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const log = openLog({ config: config({ segmentBytes: 4_000 }) });
      let times: number[] = [];
      let start = 0;
      for (const one of steps) {
        if ('append' in one) {
          append(log, batch(1, { timestamps: [NOW + one.append] }));
          times.push(one.append);
        } else if ('start' in one) {
          start = Math.min(times.length, start + one.start);
          log.advanceStartOffset(start);
        } else if ('cut' in one) {
          times = times.slice(0, Math.max(start, times.length - one.cut));
          log.truncateTo(times.length);
        }
        // Enough for the first batch of a scan.
        const found = log.times.largest({ work: 1 });
        if (typeof found !== 'object') expect(found).toBe(largestOf(times.slice(start)));
      }
      for (;;) {
        const found = log.times.largest({ work: 1 });
        if (typeof found === 'object') continue;
        expect(found).toBe(largestOf(times.slice(start)));
        return;
      }
    }),
  );
});

function largestOf(times: readonly number[]): number {
  return times.length === 0 ? -1 : NOW + Math.max(...times);
}
