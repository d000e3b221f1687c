/** A topic's rules for the records of clients, and Kafka's error messages. Pure. */
import { ErrorCode } from './error-code.ts';
import type { Timestamp } from './timestamp.ts';

export interface RecordRules {
  /** `topic-partition`, for messages. */
  readonly topicPartition: string;
  /**
   * True if the cleanup policy contains `compact`, because compaction could never remove a record without a
   * key.
   */
  readonly keyRequired: boolean;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  /** The broker's time. */
  readonly nowMs: number;
  /** How far a timestamp may lie in the past; the largest safe integer: no limit. */
  readonly timestampBeforeMaxMs: number;
  /** How far a timestamp may lie in the future; the largest safe integer: no limit. */
  readonly timestampAfterMaxMs: number;
}

export interface RecordError {
  /** Index of the record in the batch. */
  readonly batchIndex: number;
  readonly message: string;
}

/** What a broker needs to know about accepted records. */
export interface RecordsAccepted {
  readonly ok: true;
  /** The largest timestamp; -1 if no record has one. */
  readonly maxTimestamp: Timestamp;
  /** Offset delta of the first record with that timestamp; -1 if no record has one. */
  readonly maxTimestampOffsetDelta: number;
}

/**
 * The error with which the broker rejects the batch. Kafka appends some of these batches: see
 * record-checker.ts.
 */
export interface RecordsInvalid {
  readonly ok: false;
  readonly errorCode: ErrorCode;
  readonly message: string;
  /** The records at fault, at most RECORD_ERRORS_MAX of them. */
  readonly recordErrors?: readonly RecordError[];
}

export type RecordsVerdict = RecordsAccepted | RecordsInvalid;

/** The largest number of records that the answer to an invalid batch names. */
export const RECORD_ERRORS_MAX = 100;
/** The largest number of records that the error message of that answer names. */
const RECORD_ERRORS_IN_MESSAGE = 3;

export function invalidRecords(errorCode: ErrorCode, message: string): RecordsInvalid {
  return { ok: false, errorCode, message };
}

/**
 * True if the topic allows the timestamp. Differences of timestamps beyond the safe integers wrap at 64 bits,
 * as in Kafka.
 */
export function isTimestampAllowed(timestamp: Timestamp, rules: RecordRules): boolean {
  const { nowMs, timestampBeforeMaxMs, timestampAfterMaxMs } = rules;
  if (typeof timestamp === 'number') {
    const ageMs = nowMs - timestamp;
    return (
      (ageMs <= timestampBeforeMaxMs || timestampBeforeMaxMs === Number.MAX_SAFE_INTEGER) &&
      (-ageMs <= timestampAfterMaxMs || timestampAfterMaxMs === Number.MAX_SAFE_INTEGER)
    );
  }
  const age = BigInt.asIntN(64, BigInt(nowMs) - timestamp);
  return age <= long(timestampBeforeMaxMs) && BigInt.asIntN(64, -age) <= long(timestampAfterMaxMs);
}

export function timestampMessage(timestamp: Timestamp, offsetDelta: number, rules: RecordRules): string {
  const now = BigInt(rules.nowMs);
  const earliest = BigInt.asIntN(64, now - long(rules.timestampBeforeMaxMs));
  const latest = BigInt.asIntN(64, now + long(rules.timestampAfterMaxMs));
  return `Timestamp ${timestamp} of message with offset ${offsetDelta} is out of range. The timestamp should be within [${earliest}, ${latest}]`;
}

export function keyMessage({ topicPartition }: RecordRules): string {
  return `Compacted topic cannot accept message without key in topic partition ${topicPartition}`;
}

export function timestampTypeMessage(record: string): string {
  return `Invalid timestamp type in message ${record}. Producer should not set timestamp type to LogAppendTime.`;
}

/**
 * The verdict on a batch with forbidden records. `total`: their number, which may be larger than that of
 * `errors`.
 */
export function invalidForRecords(
  errors: readonly RecordError[],
  total: number,
  anyTimestamp: boolean,
): RecordsInvalid {
  if (anyTimestamp)
    return {
      ok: false,
      errorCode: ErrorCode.INVALID_TIMESTAMP,
      message: 'One or more records have been rejected due to invalid timestamp',
      recordErrors: errors,
    };
  const first = errors
    .slice(0, RECORD_ERRORS_IN_MESSAGE)
    .map(({ batchIndex, message }) => `RecordError(batchIndex=${batchIndex}, message='${message}')`);
  return {
    ok: false,
    errorCode: ErrorCode.INVALID_RECORD,
    message: `One or more records have been rejected due to ${total} record errors in total, and only showing the first three errors at most: [${first.join(', ')}]`,
    recordErrors: errors,
  };
}

/** The largest safe integer stands for the largest int64. */
function long(valueMs: number): bigint {
  return valueMs === Number.MAX_SAFE_INTEGER ? 0x7fff_ffff_ffff_ffffn : BigInt(valueMs);
}
