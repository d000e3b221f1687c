/** Compares the index files with arrays, over appends, truncations and reopenings. */
import { MemoryDisk } from '@millrace/base/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OpenFiles } from '../../src/files/open-files.ts';
import { OffsetIndex, TimeIndex } from '../../src/segment/sparse-index.ts';

const gaps = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 1000 })), {
  maxLength: 900,
  size: 'max',
});

test('an offset index finds the last entry at or below an offset, in memory and on disk', () => {
  fc.assert(
    fc.property(gaps, fc.nat(900), fc.boolean(), (steps, cut, reopen) => {
      const files = new OpenFiles(new MemoryDisk());
      let index = new OffsetIndex(files.handle('/a.index'));
      let twin: { relativeOffset: number; position: number }[] = [];
      let entry = { relativeOffset: 0, position: 0 };
      for (const [offsets, bytes] of steps) {
        entry = { relativeOffset: entry.relativeOffset + offsets, position: entry.position + bytes };
        index.makeRoom();
        index.append(entry.relativeOffset, entry.position);
        twin.push(entry);
      }
      if (cut < twin.length) {
        index.truncate(twin[cut]!.position);
        twin = twin.slice(0, cut);
      }
      if (reopen) {
        index.writePending();
        index = new OffsetIndex(files.handle('/a.index'));
      }
      expect(index.count).toBe(twin.length);
      expect(index.last()).toEqual(twin.at(-1));
      for (let offset = 0; offset < entry.relativeOffset + 3; offset += 1 + (entry.relativeOffset >> 5))
        expect(index.lookup(offset)).toEqual(twin.findLast((one) => one.relativeOffset <= offset));
    }),
    { numRuns: 60 },
  );
});

test('a time index accepts only rising timestamps, and finds the last entry at or below a timestamp', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(60), (timestamps, cut) => {
      const files = new OpenFiles(new MemoryDisk());
      const index = new TimeIndex(files.handle('/a.timeindex'));
      let twin: { timestamp: number; relativeOffset: number }[] = [];
      for (const [relativeOffset, low] of timestamps.entries()) {
        const timestamp = 0x123_0000_0000 + low;
        index.appendIfLater(timestamp, relativeOffset);
        if (timestamp > (twin.at(-1)?.timestamp ?? -1)) twin.push({ timestamp, relativeOffset });
        if (relativeOffset % 7 === 0) index.writePending();
      }
      index.truncate(cut);
      twin = twin.filter((one) => one.relativeOffset < cut);
      const next = { timestamp: (twin.at(-1)?.timestamp ?? 0x123_0000_0000) + 1, relativeOffset: cut };
      index.appendIfLater(next.timestamp, next.relativeOffset);
      twin.push(next);
      for (let low = -1; low < 52; low++)
        expect(index.lookup(0x123_0000_0000 + low)).toEqual(
          twin.findLast((one) => one.timestamp <= 0x123_0000_0000 + low),
        );
    }),
  );
});

test('an index sees what another handle wrote, although every call closes and opens the file again', () => {
  const disk = new MemoryDisk();
  const files = new OpenFiles(disk, { openFilesMax: 1 });
  disk.makeDirectory('/log');
  const other = files.handle('/log/other');
  const written = new OffsetIndex(files.handle('/log/a.index'));
  const times = new TimeIndex(files.handle('/log/a.timeindex'));
  for (let i = 0; i < 20; i++) {
    written.append(2 * i, 10 * i);
    written.writePending();
    times.appendIfLater(1000 + i, i);
    times.writePending();
    // To open this file, the index file is closed.
    other.file();
    const [read, readTimes] = [files.handle('/log/a.index'), files.handle('/log/a.timeindex')];
    expect(new OffsetIndex(read).last()).toEqual({ relativeOffset: 2 * i, position: 10 * i });
    expect(new TimeIndex(readTimes).last()).toEqual({ timestamp: 1000 + i, relativeOffset: i });
    expect(written.lookup(2 * i + 1)).toEqual({ relativeOffset: 2 * i, position: 10 * i });
    expect(times.lookup(2000)).toEqual({ timestamp: 1000 + i, relativeOffset: i });
  }
  written.truncate(50);
  other.file();
  expect(new OffsetIndex(files.handle('/log/a.index')).last()).toEqual({ relativeOffset: 8, position: 40 });
});
