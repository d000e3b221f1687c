/**
 * The largest timestamp of a log. Each segment knows the largest timestamp of its own batches. Only in the
 * segment that begins below the log start offset (after DeleteRecords), a deleted batch may have it. Then
 * this class scans the rest of that segment, in slices, and keeps the result. May throw DiskError.
 */
import type { Offset } from '@millrace/base';
import { NO_TIMESTAMP, type Timestamp } from '@millrace/protocol';
import type { Segment } from '../segment/segment.ts';
import type { Segments } from '../segment/segments.ts';
import {
  type LookupBudget,
  largestOf,
  mayLook,
  mayScan,
  mustBeReadable,
  WINDOW_BYTES,
} from './time-lookup.ts';

/** What the scans of one segment have found so far. */
interface Scanned {
  readonly segment: Segment;
  /** `Segment.cuts` at the time of the scan. */
  readonly cuts: number;
  /** The scan began with the first batch that ends at this offset or later. */
  readonly fromOffset: Offset;
  /** The scan continues here. */
  position: number;
  /** The largest timestamp before `position`, and the last offset of the last batch that has it. */
  timestamp: Timestamp;
  offset: Offset;
}

export class LargestTimestamp {
  private scanned: Scanned | undefined;

  /**
   * The largest timestamp of all batches that end at `startOffset` or later; -1: no record has a timestamp.
   * Undefined: the turn has no work left, and another call, in a later turn, continues.
   */
  of(segments: Segments, startOffset: Offset, budget: LookupBudget): Timestamp | undefined {
    let timestamp: Timestamp = NO_TIMESTAMP;
    let hasLooked = false;
    for (let index = segments.indexFor(startOffset); index < segments.list.length; index++) {
      const segment = segments.list[index]!;
      const isKnown = segment.knowsLargestTimestamp;
      if (!mayLook(segment, budget, !hasLooked)) return undefined;
      hasLooked ||= !isKnown;
      const largest = this.from(segment, startOffset, budget);
      if (largest === undefined) return undefined;
      if (largest > timestamp) timestamp = largest;
    }
    return timestamp;
  }

  private from(segment: Segment, startOffset: Offset, budget: LookupBudget): Timestamp | undefined {
    const largest = largestOf(segment);
    const { offset } = segment.largestTimestamp();
    const holds = segment.baseOffset >= startOffset || offset >= startOffset || largest === NO_TIMESTAMP;
    return holds ? largest : this.scan(segment, startOffset, budget);
  }

  private scan(segment: Segment, startOffset: Offset, budget: LookupBudget): Timestamp | undefined {
    const scanned = this.countsFor(segment, startOffset) ?? begin(segment, startOffset);
    if (scanned === undefined) return NO_TIMESTAMP;
    this.scanned = undefined;
    const options = { checkCrc: false, windowBytes: WINDOW_BYTES };
    let isFirst = true;
    const end = segment.scan(scanned.position, options, (header) => {
      if (!mayScan(header, budget, isFirst)) return true;
      isFirst = false;
      if (header.maxTimestamp < scanned.timestamp) return false;
      scanned.timestamp = header.maxTimestamp;
      scanned.offset = header.lastOffset;
      return false;
    });
    mustBeReadable(segment, end.damage);
    scanned.position = end.position;
    this.scanned = scanned;
    return end.stopped ? undefined : scanned.timestamp;
  }

  private countsFor(segment: Segment, startOffset: Offset): Scanned | undefined {
    const { scanned } = this;
    if (scanned === undefined || scanned.segment !== segment || scanned.cuts !== segment.cuts)
      return undefined;
    const { fromOffset, timestamp, offset } = scanned;
    const isKept = timestamp === NO_TIMESTAMP || offset >= startOffset;
    return fromOffset <= startOffset && isKept ? scanned : undefined;
  }
}

function begin(segment: Segment, startOffset: Offset): Scanned | undefined {
  const located = segment.locate(startOffset);
  if (located === undefined) return undefined;
  const { cuts } = segment;
  const none = { timestamp: NO_TIMESTAMP, offset: startOffset };
  return { segment, cuts, fromOffset: startOffset, position: located.position, ...none };
}
