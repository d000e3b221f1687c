/**
 * Groups the segments that a cleaning reads: each group becomes one segment. Pure.
 *
 * A group is a sequence of neighbours that fit into one segment together. Three things must fit: their sizes,
 * their indexes, and the distance between their first and last offset, which an index stores as a 32-bit
 * number. A group of many small segments ends at `GROUP_SEGMENTS_MAX`; the next cleaning merges the results.
 */
import type { Offset } from '@millrace/base';
import { GROUP_SEGMENTS_MAX, RELATIVE_OFFSET_MAX } from '../limits.ts';

export interface GroupedSegment {
  readonly baseOffset: Offset;
  readonly sizeBytes: number;
  readonly offsetIndexBytes: number;
  readonly timeIndexBytes: number;
  /**
   * True if the segment has an index of aborted transactions. Such a segment is alone in its group. So its
   * base offset stays, and its index, too.
   */
  readonly hasTransactionIndex: boolean;
}

export interface GroupLimits {
  readonly segmentBytes: number;
  readonly segmentIndexBytes: number;
}

/** `endOffset`: where the last segment ends. */
export function groupSegments<S extends GroupedSegment>(
  segments: readonly S[],
  endOffset: Offset,
  { segmentBytes, segmentIndexBytes }: GroupLimits,
): S[][] {
  const groups: S[][] = [];
  let sizeBytes = 0;
  let offsetIndexBytes = 0;
  let timeIndexBytes = 0;
  for (const [index, segment] of segments.entries()) {
    const group = groups.at(-1);
    const lastOffset = (segments[index + 1]?.baseOffset ?? endOffset) - 1;
    if (
      group !== undefined &&
      group.length < GROUP_SEGMENTS_MAX &&
      sizeBytes + segment.sizeBytes <= segmentBytes &&
      offsetIndexBytes + segment.offsetIndexBytes <= segmentIndexBytes &&
      timeIndexBytes + segment.timeIndexBytes <= segmentIndexBytes &&
      lastOffset - group[0]!.baseOffset <= RELATIVE_OFFSET_MAX &&
      !segment.hasTransactionIndex &&
      !group[0]!.hasTransactionIndex
    )
      group.push(segment);
    else {
      groups.push([segment]);
      sizeBytes = offsetIndexBytes = timeIndexBytes = 0;
    }
    sizeBytes += segment.sizeBytes;
    offsetIndexBytes += segment.offsetIndexBytes;
    timeIndexBytes += segment.timeIndexBytes;
  }
  return groups;
}
