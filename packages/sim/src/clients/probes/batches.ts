/** Batches for probes. */
import {
  buildBatch,
  Compression,
  type CompressionCodecs,
  crc32c,
  type NewBatch,
  type NewRecord,
} from '@millrace/protocol';

const CRC_AT = 17;
const CRC_FROM = 21;
const CRC_OF_GZIP_FROM_END = 8;
const INFLATED_BYTES = 1_200_000;
const NOTHING = new Uint8Array(0);
const VALUE = new TextEncoder().encode('probe');

/** A valid batch. Its records have no timestamps, because a broker whose clock is hours off refuses them. */
export function goodBatch(count = 1, more: Partial<NewBatch> = {}): Uint8Array {
  const records = Array.from({ length: count }, (): NewRecord => ({ value: VALUE }));
  return buildBatch({ records, baseTimestamp: -1, ...more });
}

/**
 * A batch of this size or a few bytes more: the length fields inside of a large batch take more bytes than in
 * a small one.
 */
export function batchOfSize(sizeBytes: number): Uint8Array {
  const valueBytes = sizeBytes - goodBatch(1, { records: [{ value: NOTHING }] }).length;
  return goodBatch(1, { records: [{ value: new Uint8Array(valueBytes) }] });
}

/**
 * A batch of a few kilobytes with a valid header and checksum. It inflates to so many bytes that a job checks
 * it, and not the leader's event loop. The checksum of gzip is wrong. The job notices this only at the end of
 * the records.
 */
export function undecompressable(codecs: CompressionCodecs): Uint8Array {
  const records = [{ value: new Uint8Array(INFLATED_BYTES) }];
  const batch = goodBatch(1, { records, compression: Compression.GZIP, codecs });
  batch[batch.length - CRC_OF_GZIP_FROM_END]! ^= 1;
  const crc = crc32c(batch, CRC_FROM);
  for (let i = 0; i < 4; i++) batch[CRC_AT + i] = crc >>> (24 - 8 * i);
  return batch;
}
