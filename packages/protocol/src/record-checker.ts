/**
 * Checks the records of a client's batch as Kafka's LogValidator does, and finds the largest timestamp, which
 * may differ from the header's. Takes the uncompressed bytes in chunks that are cut anywhere. If a batch has
 * both unreadable and forbidden records, the verdict is about the unreadable ones. The checker is stricter
 * than Kafka in two cases: gaps between offsets, and a wrong length of a compressed record. Kafka appends
 * such batches, and consumers misread them.
 */
import type { BatchHeader } from './batch.ts';
import { ErrorCode } from './error-code.ts';
import {
  invalidForRecords,
  invalidRecords,
  isTimestampAllowed,
  keyMessage,
  RECORD_ERRORS_MAX,
  type RecordError,
  type RecordRules,
  type RecordsVerdict,
  timestampMessage,
  timestampTypeMessage,
} from './record-rules.ts';
import { RecordWalker } from './record-walker.ts';
import { addTimestamps, NO_TIMESTAMP, type Timestamp, wrapTimestamp } from './timestamp.ts';

export class RecordChecker extends RecordWalker {
  private readonly rules: RecordRules;
  private readonly base: Timestamp;
  /**
   * The base timestamp, if it is a number and the records have no common timestamp. Else NaN, which makes
   * every comparison false.
   */
  private readonly baseMs: number;
  /** The one timestamp of all records, if the header has LogAppendTime. */
  private readonly common: Timestamp | undefined;
  private readonly isCompressed: boolean;
  private readonly keyRequired: boolean;
  /** A timestamp within these bounds is allowed, and exact as a number. `visitOther` checks any other one. */
  private readonly earliest: number;
  private readonly latest: number;
  private largest = NO_TIMESTAMP;
  /** The largest timestamp, in place of `largest`, if it is beyond the safe integers. */
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
    if (this.damage !== undefined) return invalidRecords(ErrorCode.INVALID_RECORD, this.damage);
    if (this.errorCount > 0) return invalidForRecords(this.errors, this.errorCount, this.anyTimestampError);
    if (this.gapAt >= 0)
      return invalidRecords(
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

  /**
   * Checks a record that lacks a required key, or whose timestamp is not within the bounds. Notes an error if
   * the topic forbids the record.
   */
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
      // Kafka's reader of compressed records prints the negative length of a null. Its other reader prints 0.
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
