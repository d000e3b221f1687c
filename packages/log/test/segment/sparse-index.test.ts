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

test('OpenFiles closes files that were not used lately, and opens them again when needed', () => {
  const files = new OpenFiles(new MemoryDisk(), { openMax: 3 });
  const handles = Array.from({ length: 10 }, (_, i) => files.handle(`/file-${i}`));
  for (const [i, handle] of handles.entries()) handle.file().write(0, [new Uint8Array([i])]);
  expect(files.openCount).toBe(3);
  for (const [i, handle] of handles.entries()) {
    const bytes = new Uint8Array(1);
    handle.file().read(0, bytes);
    expect(bytes[0]).toBe(i);
  }
  for (const handle of handles) handle.close();
  expect(files.openCount).toBe(0);
});
