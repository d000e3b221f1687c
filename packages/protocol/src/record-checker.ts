/**
 * Judges the records of one batch that a client wrote as Kafka's LogValidator does, and finds the largest
 * timestamp, whatever the header says. Takes the uncompressed bytes cut anywhere. A batch whose records
 * cannot be read is refused before one that has forbidden records. Stricter than Kafka in two things, where
 * Kafka appends what no consumer gets right: gaps between offsets, and the length of a record that is
 * compressed.
 */
import type { BatchHeader } from './batch.ts';
import { ErrorCode } from './error-code.ts';
import {
  isTimestampAllowed,
  keyMessage,
  RECORD_ERRORS_MAX,
  type RecordError,
  type RecordRules,
  type RecordsVerdict,
  refusedForRecords,
  refusedRecords,
  timestampMessage,
  timestampTypeMessage,
} from './record-rules.ts';
import { RecordWalker } from './record-walker.ts';
import { addTimestamps, NO_TIMESTAMP, type Timestamp, wrapTimestamp } from './timestamp.ts';

export class RecordChecker extends RecordWalker {
  private readonly rules: RecordRules;
  private readonly base: Timestamp;
  /** `base` where plain sums do; NaN where they do not, which is below and above nothing. */
  private readonly baseMs: number;
  /** The time that all records have, if the header says so. */
  private readonly common: Timestamp | undefined;
  private readonly isCompressed: boolean;
  private readonly keyRequired: boolean;
  /** What lies within is allowed, and its sum exact; anything else is looked at more closely. */
  private readonly earliest: number;
  private readonly latest: number;
  private largest = NO_TIMESTAMP;
  /** Instead of `largest` when that is beyond the safe integers. */
  private wideLargest: bigint | undefined;
  private largestAt = -1;
  private gapAt = -1;
  private gapDelta = 0;
  private readonly errors: RecordError[] = [];
  private errorCount = 0;
  private anyTimestampError = false;

  constructor(header: BatchHeader, rules: RecordRules, workMax: number) {
    super(header.recordCount, workMax);
    this.rules = rules;
    this.base = header.baseTimestamp;
    this.common = header.isLogAppendTime ? header.maxTimestamp : undefined;
    this.keyRequired = rules.keyRequired;
    this.isCompressed = header.compression !== 0;
    this.baseMs = typeof this.base === 'number' && this.common === undefined ? this.base : Number.NaN;
    const bounded = rules.timestampType === 'CreateTime';
    const { nowMs, timestampBeforeMaxMs, timestampAfterMaxMs } = rules;
    this.earliest = bounded ? Math.max(0, nowMs - timestampBeforeMaxMs) : 0;
    this.latest = Math.min(Number.MAX_SAFE_INTEGER, bounded ? nowMs + timestampAfterMaxMs : Infinity);
  }

  finish(): RecordsVerdict {
    this.end();
    if (this.damage !== undefined) return refusedRecords(ErrorCode.INVALID_RECORD, this.damage);
    if (this.errorCount > 0) return refusedForRecords(this.errors, this.errorCount, this.anyTimestampError);
    if (this.gapAt >= 0)
      return refusedRecords(
        ErrorCode.INVALID_RECORD,
        `record ${this.gapAt} of the batch has the offset delta ${this.gapDelta}`,
      );
    const maxTimestamp = this.wideLargest ?? this.largest;
    return { ok: true, maxTimestamp, maxTimestampOffsetDelta: this.largestAt };
  }

  protected override visit(
    timestampDelta: number,
    offsetDelta: number,
    keyBytes: number,
    valueBytes: number,
  ): boolean {
    const index = this.records - 1;
    if (offsetDelta !== index && this.gapAt < 0) {
      this.gapAt = index;
      this.gapDelta = offsetDelta;
    }
    const timestampMs = this.baseMs + timestampDelta;
    const isTimeAllowed = this.earliest <= timestampMs && timestampMs <= this.latest;
    if (isTimeAllowed && (keyBytes >= 0 || !this.keyRequired)) {
      if (timestampMs > this.largest && this.wideLargest === undefined) {
        this.largest = timestampMs;
        this.largestAt = index;
      }
      return true;
    }
    this.visitOther(timestampDelta, offsetDelta, keyBytes, valueBytes);
    return true;
  }

  /** A record that is forbidden, or looks so at first sight. */
  private visitOther(
    timestampDelta: number,
    offsetDelta: number,
    keyBytes: number,
    valueBytes: number,
  ): void {
    const timestamp = this.common ?? this.sum(timestampDelta);
    if (this.keyRequired && keyBytes < 0) this.note(keyMessage(this.rules));
    else this.judgeTimestamp(timestamp, offsetDelta, keyBytes, valueBytes);
    if (timestamp <= (this.wideLargest ?? this.largest)) return;
    if (typeof timestamp === 'number') this.largest = timestamp;
    else this.wideLargest = timestamp;
    this.largestAt = this.records - 1;
  }

  private sum(timestampDelta: number): Timestamp {
    const delta = Number.isNaN(timestampDelta) ? wrapTimestamp(this.wideDelta) : timestampDelta;
    return addTimestamps(this.base, delta);
  }

  private judgeTimestamp(
    timestamp: Timestamp,
    offsetDelta: number,
    keyBytes: number,
    valueBytes: number,
  ): void {
    const { rules } = this;
    if (rules.timestampType === 'CreateTime' && timestamp !== NO_TIMESTAMP) {
      if (isTimestampAllowed(timestamp, rules)) return;
      this.anyTimestampError = true;
      this.note(timestampMessage(timestamp, offsetDelta, rules));
    } else if (this.common !== undefined) {
      this.anyTimestampError = true;
      // Kafka's two readers say null in two ways.
      const [kind, least] = this.isCompressed
        ? ['PartialDefaultRecord', Number.NEGATIVE_INFINITY]
        : ['DefaultRecord', 0];
      const sizes = `key=${Math.max(least, keyBytes)} bytes, value=${Math.max(least, valueBytes)} bytes`;
      this.note(timestampTypeMessage(`${kind}(offset=${offsetDelta}, timestamp=${timestamp}, ${sizes})`));
    }
  }

  private note(message: string): void {
    this.errorCount++;
    if (this.errors.length < RECORD_ERRORS_MAX) this.errors.push({ batchIndex: this.records - 1, message });
  }
}
