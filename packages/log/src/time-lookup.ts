/**
 * Offsets by timestamp (ListOffsets): the time index says where to begin, batch headers which batches to open, and the
 * records in them decide. The only place of a log that decompresses. May throw DiskError.
 */
import type { Offset } from '@millrace/base';
import {
  type CompressionCodecs,
  DecodeError,
  type FoundRecord,
  NO_TIMESTAMP,
  RECORDS_WORK_MAX,
  RecordFinder,
  readBatchHeader,
  type Timestamp,
  unfoldBatch,
} from '@millrace/protocol';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';
import type { TimestampHit } from './types.ts';

const WINDOW_BYTES = 64 << 10;

export interface FindInBatch {
  readonly startOffset: Offset;
  readonly timestamp: Timestamp;
}

/** The first record, in offset order from `startOffset`, whose timestamp is >= the given one. */
export function findTimestamp(
  segments: Segments,
  startOffset: Offset,
  timestamp: Timestamp,
  codecs: CompressionCodecs,
): TimestampHit | undefined {
  for (let index = segments.indexFor(startOffset); index < segments.list.length; index++) {
    const segment = segments.list[index]!;
    if (segment.largestTimestamp().timestamp < timestamp) continue;
    const from = Math.max(startOffset, segment.offsetBelowTimestamp(timestamp));
    const hit = firstFrom(segment, from, startOffset, timestamp, codecs);
    if (hit !== undefined) return hit;
  }
  return undefined;
}

/** The first record that has the largest timestamp of all; undefined when no record has one. */
export function findLargestTimestamp(
  segments: Segments,
  startOffset: Offset,
  codecs: CompressionCodecs,
): TimestampHit | undefined {
  let timestamp: Timestamp = NO_TIMESTAMP;
  for (let index = segments.indexFor(startOffset); index < segments.list.length; index++) {
    const segment = segments.list[index]!;
    const largest =
      segment.baseOffset >= startOffset
        ? segment.largestTimestamp().timestamp
        : largestFrom(segment, startOffset);
    if (largest > timestamp) timestamp = largest;
  }
  return timestamp < 0 ? undefined : findTimestamp(segments, startOffset, timestamp, codecs);
}

/** By headers, for a segment whose beginning is no longer part of the log. */
function largestFrom(segment: Segment, startOffset: Offset): Timestamp {
  let timestamp: Timestamp = NO_TIMESTAMP;
  const located = segment.locate(startOffset);
  if (located === undefined) return timestamp;
  segment.scan(located.position, { checkCrc: false, windowBytes: WINDOW_BYTES }, (header) => {
    if (header.maxTimestamp > timestamp) timestamp = header.maxTimestamp;
    return false;
  });
  return timestamp;
}

function firstFrom(
  segment: Segment,
  fromOffset: Offset,
  startOffset: Offset,
  timestamp: Timestamp,
  codecs: CompressionCodecs,
): TimestampHit | undefined {
  const located = segment.locate(fromOffset);
  if (located === undefined) return undefined;
  let hit: TimestampHit | undefined;
  const file = segment.log.file();
  segment.scan(located.position, { checkCrc: false, windowBytes: WINDOW_BYTES }, (header, position) => {
    if (header.maxTimestamp < timestamp) return false;
    const batch = new Uint8Array(header.sizeBytes);
    file.read(position, batch);
    const found = findInBatch(batch, { startOffset, timestamp }, codecs);
    if (found === undefined) return false;
    hit = { ...found, leaderEpoch: header.leaderEpoch };
    return true;
  });
  return hit;
}

/** A batch that cannot be opened (something else than this broker wrote it) has no records to find. */
export function findInBatch(
  batch: Uint8Array,
  { startOffset, timestamp }: FindInBatch,
  codecs: CompressionCodecs,
): FoundRecord | undefined {
  const header = readBatchHeader(batch);
  const finder = new RecordFinder(header, startOffset, timestamp, RECORDS_WORK_MAX);
  try {
    unfoldBatch(batch, header, finder, codecs, RECORDS_WORK_MAX);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return finder.found;
}
