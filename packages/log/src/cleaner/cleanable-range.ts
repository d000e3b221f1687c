/**
 * Decides which part of a compacted log the cleaner may clean, and whether it is worth the work, by Kafka's
 * rules. Pure.
 *
 * A log consists of a clean part, a dirty part, and a part that must not be cleaned yet. In the clean part,
 * the last cleaning removed each record that a later record of this part replaces. The cleaner indexes the
 * keys of the dirty part, and then cleans both parts.
 *
 * Both parts also have the records below the log start offset that the disk still has. A power loss may lower
 * the log start offset, so that these records are part of the log again. If the cleaner left them out, it
 * could drop the tombstone of a key while an older record of the key stays.
 *
 * Invariants: the cleaner never touches the active segment, a record at or above the high watermark or the
 * recovery point, or a segment with a record that is younger than `min.compaction.lag.ms`.
 */
import type { Millis, Offset, WallMillis } from '@millrace/base';
import { type Timestamp, timestampDistance } from '@millrace/protocol';

/** What the choice needs to know of a segment. Both methods may read the disk. */
export interface CleanableSegment {
  readonly baseOffset: Offset;
  readonly sizeBytes: number;
  /** The largest timestamp of the records; if no record has one, the time of the file's last change. */
  newestTimestamp(): Timestamp;
  /** The timestamp of the first batch; -1: none. */
  firstTimestamp(): Timestamp;
}

export interface CleaningLimits {
  /** `min.cleanable.dirty.ratio` */
  readonly minCleanableDirtyRatio: number;
  /** `min.compaction.lag.ms` */
  readonly minCompactionLagMs: Millis;
  /** `max.compaction.lag.ms` */
  readonly maxCompactionLagMs: Millis;
}

export interface CleaningBounds {
  /** The end of the clean part, as the last cleaning left it; undefined: the log was never cleaned. */
  readonly cleanedTo: Offset | undefined;
  readonly endOffset: Offset;
  readonly highWatermark: Offset;
  readonly recoveryPoint: Offset;
  readonly nowWallMs: WallMillis;
}

export interface CleanableRange {
  /** Tells a range from a failure. */
  readonly ok: true;
  /** The dirty part begins here. */
  readonly firstDirtyOffset: Offset;
  /** The dirty part ends here, at the base offset of a segment. */
  readonly endOffset: Offset;
  /** Bytes of the dirty part that may be cleaned. */
  readonly dirtyBytes: number;
  /** Bytes of the clean part and of the dirty part. The cleaned segments need at most as much room. */
  readonly totalBytes: number;
  /** `dirtyBytes` as a share of `totalBytes`, from 0 to 1. */
  readonly dirtyRatio: number;
  /** How long the oldest dirty record waits beyond `max.compaction.lag.ms`. */
  readonly overdueMs: Millis;
  /** True if the log is dirty enough, or overdue. */
  readonly isDue: boolean;
}

/** `segments`: all segments of the log, oldest first; the last one is active. */
export function cleanableRange(
  segments: readonly CleanableSegment[],
  limits: CleaningLimits,
  bounds: CleaningBounds,
): CleanableRange {
  const firstDirtyOffset = firstDirty(segments[0]!.baseOffset, bounds);
  const first = segments.findLastIndex(({ baseOffset }) => baseOffset <= firstDirtyOffset);
  const firstDirtyIndex = Math.max(0, first);
  const end = endIndex(segments, firstDirtyIndex, limits, bounds);
  const endOffset = Math.max(firstDirtyOffset, segments[end]!.baseOffset);
  const dirtyBytes = sizeOf(segments.slice(firstDirtyIndex, end));
  const cleanBytes = sizeOf(segments.slice(0, Math.min(firstDirtyIndex, end)));
  const totalBytes = cleanBytes + dirtyBytes;
  const dirtyRatio = totalBytes === 0 ? 0 : dirtyBytes / totalBytes;
  const overdueMs = dirtyBytes === 0 ? 0 : overdue(segments.slice(firstDirtyIndex, -1), limits, bounds);
  const isDue = dirtyBytes > 0 && (overdueMs > 0 || dirtyRatio > limits.minCleanableDirtyRatio);
  return { ok: true, firstDirtyOffset, endOffset, dirtyBytes, totalBytes, dirtyRatio, overdueMs, isDue };
}

/** A clean part that ends below the first segment, or above the log's end, no longer belongs to this log. */
function firstDirty(firstOffset: Offset, { cleanedTo, endOffset }: CleaningBounds): Offset {
  if (cleanedTo === undefined || cleanedTo < firstOffset || cleanedTo > endOffset) return firstOffset;
  return cleanedTo;
}

/** Index of the first segment that must not be cleaned. */
function endIndex(
  segments: readonly CleanableSegment[],
  firstDirtyIndex: number,
  { minCompactionLagMs }: CleaningLimits,
  { highWatermark, recoveryPoint, nowWallMs }: CleaningBounds,
): number {
  const stableOffset = Math.min(highWatermark, recoveryPoint);
  const active = segments.length - 1;
  for (let index = 0; index < active; index++) {
    if (segments[index + 1]!.baseOffset > stableOffset) return index;
    if (index < firstDirtyIndex || minCompactionLagMs <= 0) continue;
    if (timestampDistance(nowWallMs, segments[index]!.newestTimestamp()) < minCompactionLagMs) return index;
  }
  return active;
}

function overdue(
  dirty: readonly CleanableSegment[],
  { maxCompactionLagMs }: CleaningLimits,
  { nowWallMs }: CleaningBounds,
): Millis {
  // Most logs have no such limit. Then no segment needs a look.
  if (maxCompactionLagMs >= nowWallMs) return 0;
  let longestMs = 0;
  for (const segment of dirty) {
    const first = segment.firstTimestamp();
    if (first <= 0) continue;
    longestMs = Math.max(longestMs, timestampDistance(nowWallMs, first) - Math.max(0, maxCompactionLagMs));
  }
  return longestMs;
}

function sizeOf(segments: readonly CleanableSegment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
