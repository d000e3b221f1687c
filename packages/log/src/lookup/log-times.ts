/**
 * Looks up records of one log by time. If the result is undefined, the log has no such record. If the result
 * is a disk error, the log may have such a record.
 */
import { DiskError, type Logger, type Offset } from '@millrace/base';
import { type CompressionCodecs, ErrorCode, NO_TIMESTAMP, type Timestamp } from '@millrace/protocol';
import type { Segments } from '../segment/segments.ts';
import type { TimestampHit } from '../types.ts';
import { LargestTimestamp } from './largest-timestamp.ts';
import {
  assertIntact,
  type CostlyBatch,
  findTimestamp,
  type LookupBudget,
  type OpenedBatch,
  type PausedLookup,
} from './time-lookup.ts';

/** Why a lookup failed: the log is offline, the disk failed, or its data is damaged. */
export interface LookupFailure {
  readonly errorCode: ErrorCode;
  readonly damage: string | undefined;
}

/** The result of a lookup. Undefined: there is no such record. */
export type TimeLookup = TimestampHit | CostlyBatch | PausedLookup | LookupFailure | undefined;

interface Owner {
  readonly startOffset: Offset;
  readonly directory: string;
  readonly offline: string | undefined;
}

export class LogTimes {
  private readonly owner: Owner;
  private readonly segments: Segments;
  private readonly codecs: CompressionCodecs;
  private readonly logger: Logger;
  private readonly largestTimestamp = new LargestTimestamp();

  constructor(owner: Owner, segments: Segments, codecs: CompressionCodecs, logger: Logger) {
    this.owner = owner;
    this.segments = segments;
    this.codecs = codecs;
    this.logger = logger;
  }

  /**
   * Returns the first record, in offset order, whose timestamp is at least `timestamp`. If opening a batch on
   * the event loop costs too much, returns the batch instead. `behind`: where an earlier call stopped. Either
   * that call paused, or it returned a batch, and a job found nothing in this batch. The search continues
   * from there.
   */
  find(timestamp: Timestamp, budget: LookupBudget, behind?: OpenedBatch | PausedLookup): TimeLookup {
    return this.lookUp(() => {
      if (behind !== undefined && 'batch' in behind) assertIntact(behind.batch);
      const { startOffset } = this.owner;
      const fromOffset = Math.max(startOffset, behind?.nextOffset ?? 0);
      return findTimestamp(this.segments, { timestamp, startOffset, fromOffset }, this.codecs, budget);
    });
  }

  /** The largest timestamp of the log's batches; -1: no record has one. */
  largest(budget: LookupBudget): Timestamp | PausedLookup | LookupFailure {
    return this.lookUp(() => {
      const { startOffset } = this.owner;
      const timestamp = this.largestTimestamp.of(this.segments, startOffset, budget);
      return timestamp ?? { nextOffset: startOffset, timestamp: NO_TIMESTAMP };
    });
  }

  private lookUp<T>(find: () => T): T | LookupFailure {
    const { offline, directory } = this.owner;
    if (offline !== undefined) return { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, damage: undefined };
    try {
      return find();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.logger.error('log-read-failed', { directory, reason: error.message });
      const damage = error.isTransient ? undefined : error.message;
      return { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, damage };
    }
  }
}
