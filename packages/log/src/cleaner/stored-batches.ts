/** Reads the whole batches in a part of a segment, for the jobs of the cleaner. Pure. */
import {
  BATCH_HEADER_BYTES,
  BatchHeader,
  type CompressionCodecs,
  checkBatchCrc,
  DECOMPRESSED_BYTES_MAX,
  DecodeError,
  readBatchHeader,
} from '@millrace/protocol';

/**
 * Visits the batches in order. `bytes` holds whole batches only. Throws DecodeError if a batch is damaged.
 * Otherwise the cleaner would give a damaged record a new checksum.
 */
export function forEachBatch(
  bytes: Uint8Array,
  visit: (header: BatchHeader, batch: Uint8Array, isLast: boolean) => void,
): void {
  const header = new BatchHeader();
  for (let at = 0; at < bytes.length; at += header.sizeBytes) {
    readBatchHeader(bytes, at, header);
    if (header.magic !== 2) throw new DecodeError('a batch has an unknown format');
    if (header.sizeBytes > bytes.length - at) throw new DecodeError('a batch is cut');
    if (!checkBatchCrc(bytes, at, header.sizeBytes))
      throw new DecodeError('the checksum of a batch is wrong');
    const end = at + header.sizeBytes;
    visit(header, bytes.subarray(at, end), end === bytes.length);
  }
}

/** The uncompressed records of a batch. Throws DecodeError. */
export function plainRecords(batch: Uint8Array, header: BatchHeader, codecs: CompressionCodecs): Uint8Array {
  const section = batch.subarray(BATCH_HEADER_BYTES, header.sizeBytes);
  if (header.compression === 0 || header.recordCount === 0) return section;
  return codecs.decompress(header.compression, section, DECOMPRESSED_BYTES_MAX);
}
