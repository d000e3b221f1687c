/**
 * Judges what a client wants to append, by header and checksum only, in Kafka's order. Pure: the batch is not
 * changed here. Records are decoded in one case, a header whose timestamps look forbidden or wrong, to name the culprits.
 */
import type { WallMillis } from '@millrace/base';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  type CompressionCodecs,
  checkBatchCrc,
  DECOMPRESSED_BYTES_MAX,
  DecodeError,
  ErrorCode,
  readBatchHeader,
  readRecords,
} from '@millrace/protocol';
import { RECORD_ERRORS_MAX } from './limits.ts';
import type { LogConfig, Refusal } from './types.ts';

const MAGIC_AT = 16;
const ZSTD = 4;
/** Size, attributes, timestamp, offset, no key, no value, no headers: a byte each. */
const RECORD_BYTES_MIN = 7;
/** First Produce version whose clients may send zstd (KIP-110). */
const ZSTD_FROM_VERSION = 7;

/** Fills `header`. Undefined: the bytes are exactly one batch that may go on to the sequence check. */
export function judgeBatch(
  bytes: Uint8Array,
  header: BatchHeader,
  config: LogConfig,
  apiVersion: number | undefined,
): Refusal | undefined {
  if (bytes.length === 0) return refuse(ErrorCode.INVALID_RECORD, 'there must be a record batch');
  if (bytes.length <= MAGIC_AT) return refuse(ErrorCode.CORRUPT_MESSAGE, 'the record batch is cut short');
  if (bytes[MAGIC_AT] !== 2)
    return refuse(ErrorCode.INVALID_RECORD, 'record batches must have message format version 2');
  if (bytes.length < BATCH_HEADER_BYTES)
    return refuse(ErrorCode.CORRUPT_MESSAGE, 'the record batch is cut short');
  try {
    readBatchHeader(bytes, 0, header);
  } catch (error) {
    if (error instanceof DecodeError) return refuse(ErrorCode.CORRUPT_MESSAGE, error.message);
    throw error;
  }
  if (header.sizeBytes > bytes.length)
    return refuse(ErrorCode.CORRUPT_MESSAGE, 'the record batch is cut short');
  if (header.sizeBytes < bytes.length)
    return refuse(ErrorCode.INVALID_RECORD, 'there must be exactly one record batch for a partition');
  if (header.compression > ZSTD)
    return refuse(ErrorCode.CORRUPT_MESSAGE, 'the record batch has an unknown compression');
  if (header.compression === ZSTD && apiVersion !== undefined && apiVersion < ZSTD_FROM_VERSION)
    return refuse(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, 'zstd needs version 7 of Produce or newer');
  return judgeSizeAndCounts(bytes, header, config);
}

function judgeSizeAndCounts(bytes: Uint8Array, header: BatchHeader, config: LogConfig): Refusal | undefined {
  if (header.baseOffset !== 0)
    return refuse(ErrorCode.INVALID_RECORD, 'the base offset of a produced batch must be 0');
  if (header.sizeBytes > config.maxMessageBytes)
    return refuse(
      ErrorCode.MESSAGE_TOO_LARGE,
      `the record batch has ${header.sizeBytes} bytes, max.message.bytes is ${config.maxMessageBytes}`,
    );
  if (!checkBatchCrc(bytes, 0, header.sizeBytes))
    return refuse(ErrorCode.CORRUPT_MESSAGE, 'the checksum of the record batch is wrong');
  if (header.recordCount <= 0 || header.lastOffsetDelta + 1 !== header.recordCount)
    return refuse(ErrorCode.INVALID_RECORD, 'record count and last offset delta of the batch disagree');
  const recordBytesMax =
    header.compression === 0 ? header.sizeBytes - BATCH_HEADER_BYTES : DECOMPRESSED_BYTES_MAX;
  if (header.recordCount * RECORD_BYTES_MIN > recordBytesMax)
    return refuse(ErrorCode.INVALID_RECORD, 'the batch cannot hold as many records as it says');
  if (header.isControl) return refuse(ErrorCode.INVALID_RECORD, 'clients cannot write control batches');
  if (header.producerId >= 0 && header.baseSequence < 0)
    return refuse(ErrorCode.INVALID_RECORD, 'an idempotent batch needs a sequence number');
  // A producer id without an epoch cannot be told from an older incarnation.
  if (header.producerId >= 0 && header.producerEpoch < 0)
    return refuse(ErrorCode.INVALID_RECORD, 'an idempotent batch needs a producer epoch');
  return undefined;
}

/** KIP-32 and KIP-937: whether the timestamps are allowed on this topic. */
export function judgeTimestamps(
  bytes: Uint8Array,
  header: BatchHeader,
  config: LogConfig,
  nowWallMs: WallMillis,
  codecs: CompressionCodecs,
): Refusal | undefined {
  if (config.timestampType === 'LogAppendTime') {
    if (!header.isLogAppendTime) return undefined;
    return refuseAll(header, 'a client cannot write LogAppendTime timestamps');
  }
  const earliest = nowWallMs - config.timestampBeforeMaxMs;
  const latest = latestAllowed(nowWallMs, config);
  const { baseTimestamp, maxTimestamp } = header;
  const suspect =
    isMaxTimestampSuspect(header, nowWallMs, config) ||
    (baseTimestamp !== -1 && baseTimestamp < earliest) ||
    (maxTimestamp !== -1 && maxTimestamp < earliest);
  return suspect ? judgeEachTimestamp(bytes, header, earliest, latest, codecs) : undefined;
}

/**
 * Some clients never set it, or not from all records; where it is below the first record's, or forbidden, the records are asked. One
 * that is too small and looks right is believed: Kafka looks at every record.
 */
export function isMaxTimestampSuspect(
  { baseTimestamp, maxTimestamp }: BatchHeader,
  nowWallMs: WallMillis,
  config: LogConfig,
): boolean {
  return maxTimestamp < baseTimestamp || maxTimestamp > latestAllowed(nowWallMs, config);
}

function latestAllowed(nowWallMs: WallMillis, config: LogConfig): WallMillis {
  return nowWallMs + config.timestampAfterMaxMs;
}

function judgeEachTimestamp(
  bytes: Uint8Array,
  header: BatchHeader,
  earliest: WallMillis,
  latest: WallMillis,
  codecs: CompressionCodecs,
): Refusal | undefined {
  const recordErrors: { batchIndex: number; message: string }[] = [];
  try {
    let batchIndex = 0;
    for (const { timestamp } of readRecords(bytes.subarray(0, header.sizeBytes), codecs)) {
      if (timestamp !== -1 && (timestamp < earliest || timestamp > latest)) {
        const message = `timestamp ${timestamp} is outside of ${earliest} .. ${latest}`;
        if (recordErrors.length < RECORD_ERRORS_MAX) recordErrors.push({ batchIndex, message });
      }
      batchIndex++;
    }
  } catch (error) {
    if (error instanceof DecodeError) return refuse(ErrorCode.CORRUPT_MESSAGE, error.message);
    throw error;
  }
  if (recordErrors.length === 0) return undefined;
  return {
    ok: false,
    errorCode: ErrorCode.INVALID_TIMESTAMP,
    message: 'records have timestamps that the topic does not allow',
    recordErrors,
  };
}

function refuseAll(header: BatchHeader, message: string): Refusal {
  const recordErrors = [];
  for (let batchIndex = 0; batchIndex < Math.min(header.recordCount, RECORD_ERRORS_MAX); batchIndex++)
    recordErrors.push({ batchIndex, message });
  return { ok: false, errorCode: ErrorCode.INVALID_TIMESTAMP, message, recordErrors };
}

export function refuse(errorCode: ErrorCode, message: string): Refusal {
  return { ok: false, errorCode, message };
}
