import { buildBatch, Compression } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, it } from 'vitest';
import { BatchReader } from '../../src/clients/batch-reader.ts';

function batchOf(...values: readonly string[]): Uint8Array {
  const records = values.map((value) => ({ value: new TextEncoder().encode(value) }));
  return buildBatch({ baseTimestamp: 1, compression: Compression.ZSTD, codecs: compressionCodecs, records });
}

/** A reader, and the number of its decompressions. */
function counted(): { reader: BatchReader; decompressions(): number } {
  let count = 0;
  const decompress: typeof compressionCodecs.decompress = (...bytes) => {
    count++;
    return compressionCodecs.decompress(...bytes);
  };
  return { reader: new BatchReader({ ...compressionCodecs, decompress }), decompressions: () => count };
}

it('decodes a batch once, and leaves out the padding', () => {
  const { reader, decompressions } = counted();
  const first = reader.records(batchOf('p1-1', 'p1-2 xxx'));
  expect(first).toEqual([
    { offset: 0, value: 'p1-1', leaderEpoch: -1 },
    { offset: 1, value: 'p1-2', leaderEpoch: -1 },
  ]);
  expect(reader.records(batchOf('p1-1', 'p1-2 xxx'))).toBe(first);
  expect(decompressions()).toBe(1);
});

it('decodes a batch again if any byte differs', () => {
  const { reader, decompressions } = counted();
  const batch = batchOf('p1-1');
  reader.records(batch);
  const moved = batch.slice();
  moved[7] = 5; // the lowest byte of the base offset
  expect(reader.records(moved)[0]).toMatchObject({ offset: 5, value: 'p1-1' });
  expect(decompressions()).toBe(2);
});
