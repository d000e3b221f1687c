/**
 * Decides which segments at the beginning of a log may go, by Kafka's rules. Pure: the caller removes them.
 *
 * Invariants:
 * - A segment that holds an offset at or above the high watermark stays. So the log start offset never
 *   exceeds the high watermark.
 * - The removed segments are the oldest ones, so the log has no hole.
 * - An empty active segment stays, so a log always has a segment.
 */
import type { Millis, Offset, WallMillis } from '@millrace/base';
import { type Timestamp, timestampDistance } from '@millrace/protocol';
import { JUDGED_BY_TIME_MAX } from '../limits.ts';

/** What retention needs to know of a segment. */
export interface RetainedSegment {
  readonly baseOffset: Offset;
  readonly sizeBytes: number;
  /**
   * The largest timestamp of the segment's records; if no record has one, the time of the file's last change.
   * May read the disk, so it is called only if the answer depends on it.
   */
  newestTimestamp(): Timestamp;
}

export interface RetentionLimits {
  /** False: only the log start offset removes segments. */
  readonly deletesOldRecords: boolean;
  /** Negative: no limit. */
  readonly retentionMs: Millis;
  /** Negative: no limit. */
  readonly retentionBytes: number;
}

export interface LogBounds {
  readonly startOffset: Offset;
  readonly endOffset: Offset;
  readonly highWatermark: Offset;
  readonly nowWallMs: WallMillis;
}

/** How many of the oldest segments may go: first those by start, then those by size, then those by time. */
export interface ExpiredSegments {
  readonly byStart: number;
  readonly bySize: number;
  readonly byTime: number;
  /** The sum. If it is the number of all segments, the active one must be rolled first. */
  readonly count: number;
  /** True if `JUDGED_BY_TIME_MAX` segments expired by time, and more may have expired. */
  readonly hasMore: boolean;
}

/**
 * `segments`: all segments of the log, oldest first; the last one is active. A segment expires by the first
 * of three reasons. Start: the log start offset lies at or above the next segment. Size: without the segment,
 * the log still has `retentionBytes`. Time: its newest record is older than `retentionMs`.
 */
export function expiredSegments(
  segments: readonly RetainedSegment[],
  limits: RetentionLimits,
  { startOffset, endOffset, highWatermark, nowWallMs }: LogBounds,
): ExpiredSegments {
  let count = 0;
  const take = (mayGo: (segment: RetainedSegment, next: RetainedSegment | undefined) => boolean): number => {
    const before = count;
    for (; count < segments.length; count++) {
      const segment = segments[count]!;
      const next = segments[count + 1];
      if (next === undefined && segment.sizeBytes === 0) break;
      if ((next?.baseOffset ?? endOffset) > highWatermark || !mayGo(segment, next)) break;
    }
    return count - before;
  };
  const byStart = take((_segment, next) => next !== undefined && next.baseOffset <= startOffset);
  if (!limits.deletesOldRecords) return { byStart, bySize: 0, byTime: 0, count, hasMore: false };
  const bySize = take(excess(segments.slice(count), limits.retentionBytes));
  const { retentionMs } = limits;
  if (retentionMs < 0) return { byStart, bySize, byTime: 0, count, hasMore: false };
  let left = JUDGED_BY_TIME_MAX;
  const isOld = (segment: RetainedSegment): boolean =>
    timestampDistance(nowWallMs, segment.newestTimestamp()) > retentionMs;
  const byTime = take((segment) => left-- > 0 && isOld(segment));
  return { byStart, bySize, byTime, count, hasMore: left < 0 };
}

/** Returns a rule that takes segments while the rest of the log has at least `retentionBytes`. */
function excess(
  segments: readonly RetainedSegment[],
  retentionBytes: number,
): (segment: RetainedSegment) => boolean {
  if (retentionBytes < 0) return () => false;
  let left = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) - retentionBytes;
  return ({ sizeBytes }) => {
    if (left < sizeBytes) return false;
    left -= sizeBytes;
    return true;
  };
}
