/** Hints of many readers of one log and of many logs, and what a read of a log saves by a hint. */
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { HintBudget } from '../../src/files/hint-budget.ts';
import { FOLLOWED_HINTS, READ_HINTS } from '../../src/limits.ts';
import { ReadHints } from '../../src/segment/read-hints.ts';
import type { Segment } from '../../src/segment/segment.ts';
import { append, batch, openLog } from '../support/logs.ts';

const segment = {} as Segment;
const at = (position: number) => ({ segment, position });

test('a slow reader keeps its hint while another reader reads on', () => {
  const hints = new ReadHints(new HintBudget());
  hints.add(5, at(50));
  for (let offset = 100; offset < 5_000; offset++) {
    hints.readFrom(offset);
    hints.add(offset + 1, at(offset + 1));
  }
  expect(hints.readFrom(5)).toEqual(at(50));
  expect(hints.size).toBeLessThanOrEqual(1 + FOLLOWED_HINTS + 1);
});

test('two readers that follow each other both find the hints', () => {
  const hints = new ReadHints(new HintBudget());
  hints.add(0, at(0));
  for (let offset = 0; offset < 100; offset++)
    for (const _reader of ['first', 'second']) {
      expect(hints.readFrom(offset)).toEqual(at(offset));
      hints.add(offset + 1, at(offset + 1));
    }
});

test('a log and a node have a bounded number of hints, and the log that is read keeps its own', () => {
  const budget = new HintBudget(300);
  const idle = Array.from({ length: 4 }, () => new ReadHints(budget));
  for (const hints of idle) for (let offset = 0; offset < 1000; offset++) hints.add(offset, at(offset));
  expect(budget.total).toBe(300);
  expect(idle.at(-1)!.size).toBe(READ_HINTS);
  for (const hints of idle) hints.clear();
  expect(budget.total).toBe(0);
});

/** Counts the reads of all files. */
class CountingDisk extends MemoryDisk {
  reads = 0;
  override open(path: string): ReturnType<MemoryDisk['open']> {
    const file = super.open(path);
    const { read } = file;
    file.read = (position, target) => {
      this.reads++;
      return read.call(file, position, target);
    };
    return file;
  }
}

test('64 consumers at different positions need one read of the disk for each fetch', () => {
  const disk = new CountingDisk();
  const log = openLog({ disk, config: { indexIntervalBytes: 100, segmentBytes: 40_000 } });
  const sizeBytes = batch(1).length;
  for (let i = 0; i < 2000; i++) append(log, batch(1));
  const fetch = (fromOffset: number): void => {
    const maxBytes = 4 * sizeBytes;
    const { sizeBytes: got } = log.read({ fromOffset, endOffsetMax: 2000, maxBytes, atLeastOneBatch: true });
    expect(got).toBeGreaterThan(0);
  };
  // Each round, every consumer reads four batches from a position that no other consumer reads from.
  const consumers = Array.from({ length: 64 }, (_, i) => (i * 37) % 64).map((i) => i * 28);
  for (const offset of consumers) fetch(offset);
  disk.reads = 0;
  for (let round = 1; round < 6; round++) for (const offset of consumers) fetch(offset + 4 * round);
  // At the first batch of a segment a read ends at the end of the segment before, and needs no search either.
  expect(disk.reads / (5 * 64)).toBeLessThan(1.5);
});
