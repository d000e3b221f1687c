import { BATCH_HEADER_BYTES, buildBatch, readBatchHeader, writeBatchHeader } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { wrongCompaction } from '../../src/checkers/compacted-batch.ts';
import type { LogBatch } from '../../src/checkers/log-reading.ts';

const encoder = new TextEncoder();

function batchOf(values: readonly string[], o: { offsets?: number[]; placed?: object } = {}): LogBatch {
  const records = values.map((value, index) => ({
    key: encoder.encode(`k${index}`),
    value: encoder.encode(value),
    timestamp: 100 + index,
  }));
  const bytes = buildBatch({ baseTimestamp: 100, baseOffset: 5, leaderEpoch: 2, records, ...o.placed });
  return { header: readBatchHeader(bytes), bytes };
}

test('compaction may leave a batch with all of its records, or without any', () => {
  const committed = batchOf(['a', 'b']);
  expect(wrongCompaction(committed, batchOf(['a', 'b']), compressionCodecs)).toBeUndefined();
  const emptied = new Uint8Array(BATCH_HEADER_BYTES);
  writeBatchHeader(emptied, { ...committed.header, recordCount: 0 });
  const left = { header: readBatchHeader(emptied), bytes: emptied };
  expect(wrongCompaction(committed, left, compressionCodecs)).toBeUndefined();
  // The ledger may have the emptied batch, if the checker read a compacted replica first.
  expect(wrongCompaction(left, committed, compressionCodecs)).toBeUndefined();
});

test('a batch with other offsets, another epoch, another producer or another record is wrong', () => {
  const committed = batchOf(['a', 'b']);
  const wrong = (left: LogBatch) => wrongCompaction(committed, left, compressionCodecs);
  expect(wrong(batchOf(['a', 'b', 'c']))).toMatch(/lastOffsetDelta is 2, and was 1/);
  expect(wrong(batchOf(['a', 'b'], { placed: { leaderEpoch: 3 } }))).toMatch(/leaderEpoch is 3/);
  const producer = { producerId: 7, producerEpoch: 0, baseSequence: 0 };
  expect(wrong(batchOf(['a', 'b'], { placed: producer }))).toMatch(/producerId is 7/);
  expect(wrong(batchOf(['a', 'x']))).toMatch(/record 6 is another one/);
});
