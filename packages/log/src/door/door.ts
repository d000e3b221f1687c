/**
 * The door of a log: it checks a client's batch, in Kafka's order. The door makes those checks that need only
 * the bytes, the version of the request, the topic's settings and the time. Checks that need the log itself
 * (sequence numbers, offsets, segments) come later. Pure: does not change the batch. The door has two steps.
 * The first, `judgeHeader`, is cheap. The second checks the checksum and the records. It reads every byte, so
 * a job may do it.
 */
import type { WallMillis } from '@millrace/base';
import {
  BATCH_HEADER_BYTES,
  BatchHeader,
  type CompressionCodecs,
  checkBatchCrc,
  checkRecords,
  checkRecordsWhole,
  DecodeError,
  ErrorCode,
  inputWork,
  LOOP_WORK_MAX,
  RECORD_WORK,
  type RecordRules,
  type RecordsVerdict,
  readBatchHeader,
  type Timestamp,
  type WorkBudget,
} from '@millrace/protocol';
import type { AppendFailure, LogConfig } from '../types.ts';

export interface DoorOptions {
  /** `topic-partition`, for messages. */
  readonly topicPartition: string;
  readonly config: LogConfig;
  readonly nowWallMs: WallMillis;
  /** Version of the Produce request; absent = newest. */
  readonly apiVersion?: number | undefined;
}

/** A batch that passed the checks. Plain data, so that a worker can return it. */
export interface CheckedBatch {
  readonly ok: true;
  /** Size of the batch. The log drops any bytes that the client sent after it. */
  readonly sizeBytes: number;
  /** Largest timestamp of the batch's records; -1: no record has one. The header may claim another. */
  readonly maxTimestamp: Timestamp;
}

export type DoorVerdict = CheckedBatch | AppendFailure;

const SIZE_AT = 8;
/** The position after the base offset and the size. Fewer bytes than this do not count as a batch. */
const SIZE_END = 12;
const MAGIC_AT = 16;
/** Smallest record in Kafka's old formats: a smaller size is corrupt. */
const OLD_RECORD_BYTES_MIN = 14;
const MAGIC_MAX = 2;
const ZSTD = 4;
/** First Produce version whose clients may send zstd (KIP-110). */
const ZSTD_FROM_VERSION = 7;
/** Computing the checksum of one byte costs as much as decompressing this many bytes. */
export const CHECKSUM_WORK = 1 / 8;

/**
 * Does both steps. Undefined: the second step would block the event loop, so the caller must use a job. The
 * check of a compressed batch takes its cost from `budget`.
 */
export function checkAtDoor(
  bytes: Uint8Array,
  o: DoorOptions,
  codecs: CompressionCodecs,
  workMax = LOOP_WORK_MAX,
  budget: WorkBudget = { work: workMax },
): DoorVerdict | undefined {
  const header = new BatchHeader();
  const failure = judgeHeader(bytes, header, o);
  if (failure !== undefined) return failure;
  const left = workMax - header.sizeBytes * CHECKSUM_WORK;
  if (header.compression === 0 && left < 0) return undefined;
  // Decide this before computing the checksum, because a job would compute it again.
  if (header.compression !== 0 && Math.min(left, budget.work) < leastWork(header)) return undefined;
  if (!checkBatchCrc(bytes, 0, header.sizeBytes)) return wrongChecksum();
  const wrongCounts = judgeCounts(header, o);
  if (wrongCounts !== undefined) return wrongCounts;
  const verdict = checkRecords(bytes, header, rulesOf(o), codecs, left, budget);
  return verdict && checkedBatch(header, verdict);
}

/** Least cost of checking a compressed batch. */
function leastWork(header: BatchHeader): number {
  return Math.max(header.recordCount * RECORD_WORK, inputWork(header));
}

/** Does both steps without a limit of work. */
export function checkAtDoorWhole(bytes: Uint8Array, o: DoorOptions, codecs: CompressionCodecs): DoorVerdict {
  const header = new BatchHeader();
  const failure = judgeHeader(bytes, header, o) ?? judgeFrame(bytes, header, o);
  if (failure !== undefined) return failure;
  return checkedBatch(header, checkRecordsWhole(bytes, header, rulesOf(o), codecs));
}

/** Checks the checksum, and the record counts in the header. */
export function judgeFrame(
  bytes: Uint8Array,
  header: BatchHeader,
  o: DoorOptions,
): AppendFailure | undefined {
  return checkBatchCrc(bytes, 0, header.sizeBytes) ? judgeCounts(header, o) : wrongChecksum();
}

export function checkedBatch(header: BatchHeader, verdict: RecordsVerdict): DoorVerdict {
  if (!verdict.ok) return verdict;
  return { ok: true, sizeBytes: header.sizeBytes, maxTimestamp: verdict.maxTimestamp };
}

export function rulesOf({ topicPartition, config, nowWallMs }: DoorOptions): RecordRules {
  return {
    topicPartition,
    keyRequired: config.isCompacted,
    timestampType: config.timestampType,
    nowMs: nowWallMs,
    timestampBeforeMaxMs: config.timestampBeforeMaxMs,
    timestampAfterMaxMs: config.timestampAfterMaxMs,
  };
}

/**
 * Fills `header`. Undefined: the bytes hold exactly one whole batch, and its header passes the first step.
 */
export function judgeHeader(
  bytes: Uint8Array,
  header: BatchHeader,
  o: DoorOptions,
): AppendFailure | undefined {
  const first = batchAt(bytes, 0);
  if (typeof first !== 'number') return first;
  if (first === 0) return appendFailure(ErrorCode.INVALID_RECORD, 'there must be a whole record batch');
  if (bytes[MAGIC_AT] !== 2)
    return appendFailure(ErrorCode.INVALID_RECORD, 'record batches must have message format version 2');
  if (first < BATCH_HEADER_BYTES)
    return appendFailure(ErrorCode.CORRUPT_MESSAGE, 'the record batch is smaller than its header');
  const second = batchAt(bytes, first);
  if (typeof second !== 'number') return second;
  if (second > 0)
    return appendFailure(ErrorCode.INVALID_RECORD, 'there must be exactly one record batch for a partition');
  try {
    readBatchHeader(bytes, 0, header);
  } catch (error) {
    // A number in the header is beyond the safe integers. No broker gives such a number to a client.
    if (error instanceof DecodeError) return appendFailure(ErrorCode.INVALID_RECORD, error.message);
    throw error;
  }
  if (header.compression > ZSTD)
    return appendFailure(ErrorCode.UNKNOWN_SERVER_ERROR, 'the record batch has an unknown compression');
  if (header.compression === ZSTD && o.apiVersion !== undefined && o.apiVersion < ZSTD_FROM_VERSION)
    return appendFailure(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, 'zstd needs version 7 of Produce or newer');
  if (header.baseOffset !== 0)
    return appendFailure(ErrorCode.INVALID_RECORD, 'the base offset of a produced batch must be 0');
  const { maxMessageBytes } = o.config;
  if (header.sizeBytes > maxMessageBytes)
    return appendFailure(
      ErrorCode.MESSAGE_TOO_LARGE,
      `the record batch has ${header.sizeBytes} bytes, max.message.bytes is ${maxMessageBytes}`,
    );
  return undefined;
}

/**
 * Returns the size of the whole batch at `start`, or a failure if the bytes there cannot be a batch. 0: the
 * bytes end before the batch does. Kafka drops such an incomplete batch.
 */
function batchAt(bytes: Uint8Array, start: number): number | AppendFailure {
  const left = bytes.length - start;
  if (left < SIZE_END) return 0;
  const at = start + SIZE_AT;
  const size = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  if (size < OLD_RECORD_BYTES_MIN)
    return appendFailure(
      ErrorCode.CORRUPT_MESSAGE,
      `Record size ${size} is less than the minimum record overhead (${OLD_RECORD_BYTES_MIN})`,
    );
  if (left <= MAGIC_AT) return 0;
  const magic = (bytes[start + MAGIC_AT]! << 24) >> 24;
  if (magic < 0 || magic > MAGIC_MAX)
    return appendFailure(ErrorCode.CORRUPT_MESSAGE, `Invalid magic found in record: ${magic}`);
  return size + SIZE_END <= left ? size + SIZE_END : 0;
}

function judgeCounts(header: BatchHeader, { topicPartition }: DoorOptions): AppendFailure | undefined {
  const { lastOffsetDelta, recordCount, producerId, baseSequence } = header;
  const invalid = (what: string) =>
    appendFailure(ErrorCode.INVALID_RECORD, `${what} in topic partition ${topicPartition}`);
  if (lastOffsetDelta < 0) return invalid(`Batch has an invalid offset range: [0, ${lastOffsetDelta}]`);
  if (recordCount <= 0) return invalid(`Invalid reported count for record batch: ${recordCount}`);
  if (lastOffsetDelta + 1 !== recordCount)
    return invalid(
      `Inconsistent batch offset range [0, ${lastOffsetDelta}] and count of records ${recordCount}`,
    );
  if (header.isControl) return invalid('Clients are not allowed to write control records');
  if (producerId >= 0 && baseSequence < 0)
    return invalid(`Invalid sequence number ${baseSequence} in record batch with producerId ${producerId}`);
  return undefined;
}

function wrongChecksum(): AppendFailure {
  return appendFailure(ErrorCode.CORRUPT_MESSAGE, 'the checksum of the record batch is wrong');
}

export function appendFailure(errorCode: ErrorCode, message: string): AppendFailure {
  return { ok: false, errorCode, message };
}
