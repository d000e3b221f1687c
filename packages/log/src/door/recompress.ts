/**
 * `compression.type`, as in Kafka. Builds a new batch if the client's compression differs from the topic's.
 * The new batch has the same records, producer id, epoch and sequence. A batch that already has the topic's
 * codec stays as it is, at any level. Pure.
 */
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  type CompressionCodecs,
  compressedBatch,
  ErrorCode,
  readBatchHeader,
  TooLargeError,
  type WorkBudget,
} from '@millrace/protocol';
import type { AppendFailure, LogConfig } from '../types.ts';
import { appendFailure, type CheckedBatch } from './door.ts';

export interface AdmittedBatch extends CheckedBatch {
  /** The bytes to append: the client's, or recompressed ones. */
  readonly bytes: Uint8Array;
}

/** Compressing one byte at the highest levels costs as much as decompressing this many bytes. */
export const COMPRESSION_WORK = 128;
/** Largest uncompressed size of records to recompress: all of them are in memory at once. */
const PLAIN_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Recompresses a batch for the topic. Undefined: its uncompressed records have more than `plainBytesMax`
 * bytes. The compression takes its cost from `budget`.
 */
export function recompress(
  given: Uint8Array,
  checked: CheckedBatch,
  { compression, maxMessageBytes }: LogConfig,
  codecs: CompressionCodecs,
  plainBytesMax: number,
  budget?: WorkBudget,
): AdmittedBatch | AppendFailure | undefined {
  const header = readBatchHeader(given);
  if (compression === undefined || compression.codec === header.compression)
    return { ...checked, bytes: given };
  const plain = plainRecords(given, header, codecs, plainBytesMax);
  if (plain === undefined) return undefined;
  if (budget !== undefined) budget.work = Math.max(0, budget.work - plain.length * COMPRESSION_WORK);
  const bytes = compressedBatch(given, plain, compression, codecs);
  if (bytes.length > maxMessageBytes)
    return appendFailure(
      ErrorCode.MESSAGE_TOO_LARGE,
      `the record batch has ${bytes.length} bytes in the compression of the topic, max.message.bytes is ${maxMessageBytes}`,
    );
  return { ...checked, sizeBytes: bytes.length, bytes };
}

/**
 * Like `recompress`, but takes no cost from a budget. Refuses a batch whose records have more than
 * PLAIN_BYTES_MAX bytes uncompressed.
 */
export function recompressWhole(
  given: Uint8Array,
  checked: CheckedBatch,
  config: LogConfig,
  codecs: CompressionCodecs,
): AdmittedBatch | AppendFailure {
  return (
    recompress(given, checked, config, codecs, PLAIN_BYTES_MAX) ??
    appendFailure(
      ErrorCode.MESSAGE_TOO_LARGE,
      `the records have more than ${PLAIN_BYTES_MAX} bytes uncompressed, too many to recompress for the topic`,
    )
  );
}

function plainRecords(
  batch: Uint8Array,
  header: BatchHeader,
  codecs: CompressionCodecs,
  bytesMax: number,
): Uint8Array | undefined {
  const section = batch.subarray(BATCH_HEADER_BYTES, header.sizeBytes);
  if (header.compression === 0) return section.length > bytesMax ? undefined : section;
  try {
    return codecs.decompress(header.compression, section, bytesMax);
  } catch (error) {
    if (error instanceof TooLargeError) return undefined;
    throw error;
  }
}
