/**
 * `compression.type`: a client's batch in another compression than the topic's is built again, as Kafka does:
 * the same records, with the producer's id, epoch and sequence. One that has the topic's compression stays as
 * it is, whatever its level. Pure.
 */
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  type Compression,
  type CompressionCodecs,
  compressedBatch,
  ErrorCode,
  readBatchHeader,
  TooLargeError,
  type WorkBudget,
} from '@millrace/protocol';
import { type CheckedBatch, refuse } from './door.ts';
import type { LogConfig, Refusal } from './types.ts';

/** What `compression.type` other than `producer` says. */
export interface TopicCompression {
  readonly codec: Compression;
  /** Undefined: the codec's default, or it has no levels. */
  readonly level: number | undefined;
}

export interface AdmittedBatch extends CheckedBatch {
  /** To be appended: those that were given, or others. */
  readonly bytes: Uint8Array;
}

/** What compressing a byte costs, in bytes unfolded; the highest levels are meant. */
export const COMPRESSION_WORK = 128;
/** No more uncompressed records are compressed again: all of them have to be in memory at once. */
const PLAIN_BYTES_MAX = 128 * 1024 * 1024;

/** Undefined: more than `plainBytesMax` would come out of the batch. `budget` pays for the compression. */
export function recompress(
  given: Uint8Array,
  checked: CheckedBatch,
  { compression, maxMessageBytes }: LogConfig,
  codecs: CompressionCodecs,
  plainBytesMax: number,
  budget?: WorkBudget,
): AdmittedBatch | Refusal | undefined {
  const header = readBatchHeader(given);
  if (compression === undefined || compression.codec === header.compression)
    return { ...checked, bytes: given };
  const plain = plainRecords(given, header, codecs, plainBytesMax);
  if (plain === undefined) return undefined;
  if (budget !== undefined) budget.work = Math.max(0, budget.work - plain.length * COMPRESSION_WORK);
  const bytes = compressedBatch(given, plain, compression, codecs);
  if (bytes.length > maxMessageBytes)
    return refuse(
      ErrorCode.MESSAGE_TOO_LARGE,
      `the record batch has ${bytes.length} bytes in the compression of the topic, max.message.bytes is ${maxMessageBytes}`,
    );
  return { ...checked, sizeBytes: bytes.length, bytes };
}

/** As `recompress`, whatever it costs: for a job. */
export function recompressWhole(
  given: Uint8Array,
  checked: CheckedBatch,
  config: LogConfig,
  codecs: CompressionCodecs,
): AdmittedBatch | Refusal {
  return (
    recompress(given, checked, config, codecs, PLAIN_BYTES_MAX) ??
    refuse(
      ErrorCode.MESSAGE_TOO_LARGE,
      `the records have more than ${PLAIN_BYTES_MAX} bytes uncompressed, too many to be compressed as the topic wants it`,
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
