/**
 * Offsets by timestamp (ListOffsets): the time index says where to begin, batch headers which batches to
 * open, and the records in them decide. A batch that is costly to open is handed to whoever asks, who goes on
 * behind it when nothing was found in it. May throw DiskError.
 */
import { DiskError, type LeaderEpoch, type Offset } from '@millrace/base';
import {
  type BatchHeader,
  type CompressionCodecs,
  checkBatchCrc,
  DecodeError,
  type FoundRecord,
  inputWork,
  NO_TIMESTAMP,
  RECORD_BYTES_MIN,
  RECORD_WORK,
  RECORDS_WORK_MAX,
  RecordFinder,
  readBatchHeader,
  type Timestamp,
  TooLargeError,
  unfoldBatch,
  type WorkBudget,
  workOf,
} from '@millrace/protocol';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';
import type { TimestampHit } from './types.ts';

const WINDOW_BYTES = 64 << 10;

export interface FindInBatch {
  readonly startOffset: Offset;
  readonly timestamp: Timestamp;
}

/** What one turn of the event loop may still do to open batches. */
export type LookupBudget = WorkBudget;

/** Which batch was looked into, and where the next one begins. */
export interface OpenedBatch {
  readonly batch: Uint8Array;
  readonly nextOffset: Offset;
}

/** A batch that has to be opened elsewhere. */
export interface CostlyBatch extends OpenedBatch {
  readonly wanted: FindInBatch;
  readonly leaderEpoch: LeaderEpoch;
}

export interface TimeQuestion {
  readonly timestamp: Timestamp;
  /** Of the log. */
  readonly startOffset: Offset;
  /** Records before it were looked at, or are of no interest. */
  readonly fromOffset: Offset;
}

type Found = TimestampHit | CostlyBatch;

/** The first record, in offset order, whose timestamp is >= the given one, as far as that can be said. */
export function findTimestamp(
  segments: Segments,
  question: TimeQuestion,
  codecs: CompressionCodecs,
  budget: LookupBudget,
): Found | undefined {
  const { timestamp, fromOffset } = question;
  for (let index = segments.indexFor(fromOffset); index < segments.list.length; index++) {
    const segment = segments.list[index]!;
    if (largestOf(segment) < timestamp) continue;
    const from = Math.max(fromOffset, segment.offsetBelowTimestamp(timestamp));
    const found = firstFrom(segment, { ...question, fromOffset: from }, codecs, budget);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The largest timestamp of all records from `startOffset` on; -1: none has one. */
export function largestTimestamp(segments: Segments, startOffset: Offset): Timestamp {
  let timestamp: Timestamp = NO_TIMESTAMP;
  for (let index = segments.indexFor(startOffset); index < segments.list.length; index++) {
    const segment = segments.list[index]!;
    const largest =
      segment.baseOffset >= startOffset ? largestOf(segment) : largestFrom(segment, startOffset);
    if (largest > timestamp) timestamp = largest;
  }
  return timestamp;
}

/** A segment may hold later timestamps in what cannot be read. */
function largestOf(segment: Segment): Timestamp {
  const { timestamp } = segment.largestTimestamp();
  mustBeReadable(segment, segment.unreadable);
  return timestamp;
}

function mustBeReadable({ log }: Segment, damage: string | undefined): void {
  if (damage !== undefined) throw new DiskError('EIO', `${log.path}: ${damage}`);
}

/** By headers, for a segment whose beginning is no longer part of the log. */
function largestFrom(segment: Segment, startOffset: Offset): Timestamp {
  let timestamp: Timestamp = NO_TIMESTAMP;
  const located = segment.locate(startOffset);
  if (located === undefined) return timestamp;
  const end = segment.scan(located.position, { checkCrc: false, windowBytes: WINDOW_BYTES }, (header) => {
    if (header.maxTimestamp > timestamp) timestamp = header.maxTimestamp;
    return false;
  });
  mustBeReadable(segment, end.damage);
  return timestamp;
}

function firstFrom(
  segment: Segment,
  { timestamp, startOffset, fromOffset }: TimeQuestion,
  codecs: CompressionCodecs,
  budget: LookupBudget,
): Found | undefined {
  const located = segment.locate(fromOffset);
  if (located === undefined) return undefined;
  let found: Found | undefined;
  const file = segment.log.file();
  const end = segment.scan(
    located.position,
    { checkCrc: false, windowBytes: WINDOW_BYTES },
    (header, position) => {
      if (header.maxTimestamp < timestamp) return false;
      const batch = new Uint8Array(header.sizeBytes);
      file.read(position, batch);
      found = openBatch(batch, header, { startOffset, timestamp }, codecs, budget);
      return found !== undefined;
    },
  );
  mustBeReadable(segment, end.damage);
  return found;
}

function openBatch(
  batch: Uint8Array,
  header: BatchHeader,
  wanted: FindInBatch,
  codecs: CompressionCodecs,
  budget: LookupBudget,
): Found | undefined {
  const { leaderEpoch } = header;
  const finder = new RecordFinder(header, wanted.startOffset, wanted.timestamp, budget.work);
  if (
    budget.work <= 0 ||
    leastWork(header) > budget.work ||
    !openWithin(batch, header, finder, codecs, budget.work)
  ) {
    budget.work = 0;
    return { batch, wanted, leaderEpoch, nextOffset: header.lastOffset + 1 };
  }
  budget.work = Math.max(0, budget.work - Math.max(inputWork(header), workOf(finder)));
  if (finder.found !== undefined) return { ...finder.found, leaderEpoch };
  assertIntact(batch);
  return undefined;
}

/** An uncompressed batch is looked at in one go, a compressed one unfolds at least what goes in. */
function leastWork(header: BatchHeader): number {
  const { compression, sizeBytes, recordCount } = header;
  if (compression !== 0) return inputWork(header);
  return sizeBytes + Math.min(recordCount, sizeBytes / RECORD_BYTES_MIN) * RECORD_WORK;
}

/** A batch without the record that its header speaks of may be damaged. Throws DiskError. */
export function assertIntact(batch: Uint8Array): void {
  if (!checkBatchCrc(batch, 0, batch.length)) throw new DiskError('EIO', 'the checksum of a batch is wrong');
}

/** For a job: whatever it costs. */
export function findInBatch(
  batch: Uint8Array,
  { startOffset, timestamp }: FindInBatch,
  codecs: CompressionCodecs,
): FoundRecord | undefined {
  const header = readBatchHeader(batch);
  const finder = new RecordFinder(header, startOffset, timestamp, RECORDS_WORK_MAX);
  openWithin(batch, header, finder, codecs, RECORDS_WORK_MAX);
  return finder.found;
}

/**
 * False: it would cost more. A batch that cannot be opened (something else than this broker wrote it) has no
 * records to find.
 */
function openWithin(
  batch: Uint8Array,
  header: BatchHeader,
  finder: RecordFinder,
  codecs: CompressionCodecs,
  workMax: number,
): boolean {
  try {
    unfoldBatch(batch, header, finder, codecs, workMax);
  } catch (error) {
    if (error instanceof TooLargeError) return false;
    if (!(error instanceof DecodeError)) throw error;
  }
  return !finder.isOverWork;
}
