/** Goal: a chunk holds whole batches of its own place, whatever memory it gets. */
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { readBatches } from '../../src/cleaner/read-batches.ts';
import { OpenFiles } from '../../src/files/open-files.ts';
import { Segment } from '../../src/segment/segment.ts';
import { headerOf, keyed } from '../support/cleaning.ts';
import { concat, DIRECTORY, NOW } from '../support/logs.ts';

const SIZES = [1, 40, 3, 300, 1, 1, 90];

function segmentOf(batches: readonly Uint8Array[]) {
  const disk = new MemoryDisk();
  disk.makeDirectory(DIRECTORY);
  const segment = new Segment(new OpenFiles(disk), DIRECTORY, 0, NOW);
  segment.create();
  for (const batch of batches) {
    segment.write(batch, () => {});
    segment.note(headerOf(batch), segment.sizeBytes, 4096);
  }
  return { disk, segment };
}

function batchesOfSizes(): Uint8Array[] {
  let baseOffset = 0;
  return SIZES.map((count) => {
    const batch = keyed(
      Array.from({ length: count }, (_, index) => `k${index}=v${baseOffset + index}`),
      { baseOffset },
    );
    baseOffset += count;
    return batch;
  });
}

test('chunks are the same in new memory and in the memory of earlier chunks', () => {
  const batches = batchesOfSizes();
  const all = concat(batches);
  const endOffset = headerOf(batches.at(-1)!).lastOffset + 1;
  const { segment } = segmentOf(batches);
  for (const chunkBytes of [1, 61, 100, 1000, 1_000_000])
    for (const spareBytes of [undefined, 10, 2000, 1_000_000]) {
      let place = { position: 0, offset: 0 };
      let spare: Uint8Array | undefined;
      if (spareBytes !== undefined) spare = new Uint8Array(spareBytes).fill(77);
      const read: Uint8Array[] = [];
      for (let isLast = false; !isLast; ) {
        const chunk = readBatches(segment, place, endOffset, chunkBytes, spare);
        expect(chunk.sizeBytes).toBe(chunk.next.position - place.position);
        expect(chunk.bytes.buffer.byteLength).toBe(chunk.bytes.length);
        if (spareBytes === 1_000_000) expect(chunk.bytes).toBe(spare);
        read.push(chunk.bytes.slice(0, chunk.sizeBytes));
        if (spareBytes !== undefined) spare = chunk.bytes;
        ({ next: place, isLast } = chunk);
      }
      expect(concat(read)).toEqual(all);
    }
});

test('if the file is shorter than the segment, the bytes of an earlier chunk do not take their place', () => {
  const batches = batchesOfSizes().slice(0, 3);
  const all = concat(batches);
  const endOffset = headerOf(batches.at(-1)!).lastOffset + 1;
  for (let fileBytes = 0; fileBytes < all.length; fileBytes += 7) {
    const { disk, segment } = segmentOf(batches);
    disk.open(segment.log.path).truncate(fileBytes);
    const spare = new Uint8Array(2 * all.length);
    spare.set(all);
    expect(() => readBatches(segment, { position: 0, offset: 0 }, endOffset, 1 << 20, spare)).toThrow('cut');
  }
});
