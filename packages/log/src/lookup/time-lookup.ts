/**
 * Finds offsets by timestamp (ListOffsets). The lookup begins where the time index points, skips batches by
 * their headers, and opens the others. If opening a batch costs too much, the lookup returns the batch. The
 * caller opens that batch in a job. If the job finds nothing, the caller continues the lookup after that
 * batch. If a lookup has scanned for as long as one turn allows, it pauses. May throw DiskError.
 */
import { DiskError, type LeaderEpoch, type Offset } from '@millrace/base';
import {
  type BatchHeader,
  type CompressionCodecs,
  checkBatchCrc,
  DecodeError,
  type FoundRecord,
  inputWork,
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
import type { Segment } from '../segment/segment.ts';
import type { Segments } from '../segment/segments.ts';
import type { TimestampHit } from '../types.ts';

export const WINDOW_BYTES = 64 << 10;
/** Cost of one header in a scan of headers. The unit is that of LOOP_WORK_MAX. */
const SCANNED_BATCH_WORK = 64;
/**
 * Cost of the first look at a segment, which reads the ends of three files. A turn makes about 20 such looks.
 */
const SEGMENT_LOOK_WORK = 50_000;
/** Scanning this many bytes costs one unit. A scan reads the records, too, but does not look at them. */
const SCANNED_BYTES_PER_WORK = 4;

export interface FindInBatch {
  readonly startOffset: Offset;
  readonly timestamp: Timestamp;
}

/** The work that one turn of the event loop may still spend on scanning and opening batches. */
export type LookupBudget = WorkBudget;

/**
 * A lookup that has spent the work of its turn. The caller continues it in a later turn. Batches that end
 * before `nextOffset` have only timestamps below `timestamp`.
 */
export interface PausedLookup {
  readonly nextOffset: Offset;
  readonly timestamp: Timestamp;
}

/** A batch that a job opens, or has opened, and the offset after its last record. */
export interface OpenedBatch {
  readonly batch: Uint8Array;
  readonly nextOffset: Offset;
}

/** A batch that a job must open. */
export interface CostlyBatch extends OpenedBatch {
  readonly wanted: FindInBatch;
  readonly leaderEpoch: LeaderEpoch;
}

export interface TimeQuestion {
  readonly timestamp: Timestamp;
  /** The log start offset. */
  readonly startOffset: Offset;
  /** The lookup skips the batches that end before this offset. */
  readonly fromOffset: Offset;
}

type Found = TimestampHit | CostlyBatch | PausedLookup;

/**
 * The first record, in offset order, with a timestamp >= the given one. Returns a batch instead if opening it
 * here costs too much, and pauses if the turn has no work left.
 */
export function findTimestamp(
  segments: Segments,
  question: TimeQuestion,
  codecs: CompressionCodecs,
  budget: LookupBudget,
): Found | undefined {
  const { timestamp, fromOffset } = question;
  const first = segments.indexFor(fromOffset);
  for (let index = first; index < segments.list.length; index++) {
    const segment = segments.list[index]!;
    if (!mayLook(segment, budget, index === first))
      return { nextOffset: Math.max(fromOffset, segment.baseOffset), timestamp };
    if (largestOf(segment) < timestamp) continue;
    const from = Math.max(fromOffset, segment.offsetBelowTimestamp(timestamp));
    const found = firstFrom(segment, { ...question, fromOffset: from }, codecs, budget);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Throws if the last rebuild of the indexes met damage: bytes after the damage may hold later timestamps. */
export function largestOf(segment: Segment): Timestamp {
  const { timestamp } = segment.largestTimestamp();
  mustBeReadable(segment, segment.unreadable);
  return timestamp;
}

export function mustBeReadable({ log }: Segment, damage: string | undefined): void {
  if (damage !== undefined) throw new DiskError('EIO', `${log.path}: ${damage}`);
}

/**
 * Takes the cost of reading a batch's header from the budget of this turn. False: the turn has no work left.
 * A lookup scans one batch even then, so every lookup ends.
 */
export function mayScan({ sizeBytes }: BatchHeader, budget: LookupBudget, isFirst: boolean): boolean {
  if (budget.work <= 0 && !isFirst) return false;
  budget.work = Math.max(0, budget.work - SCANNED_BATCH_WORK - sizeBytes / SCANNED_BYTES_PER_WORK);
  return true;
}

/**
 * Takes the cost of finding a segment's largest timestamp from the budget of this turn, unless the segment
 * knows it. False: the turn has no work left. A lookup looks at one segment even then.
 */
export function mayLook(segment: Segment, budget: LookupBudget, isFirst: boolean): boolean {
  if (segment.knowsLargestTimestamp) return true;
  if (budget.work <= 0 && !isFirst) return false;
  budget.work = Math.max(0, budget.work - SEGMENT_LOOK_WORK);
  return true;
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
  let isFirst = true;
  const file = segment.log.file();
  const end = segment.scan(
    located.position,
    { checkCrc: false, windowBytes: WINDOW_BYTES },
    (header, position) => {
      if (!mayScan(header, budget, isFirst)) {
        found = { nextOffset: header.baseOffset, timestamp };
        return true;
      }
      isFirst = false;
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

/**
 * Estimates the cost of opening a batch from its header. For a compressed batch, only its compressed bytes
 * count.
 */
function leastWork(header: BatchHeader): number {
  const { compression, sizeBytes, recordCount } = header;
  if (compression !== 0) return inputWork(header);
  return sizeBytes + Math.min(recordCount, sizeBytes / RECORD_BYTES_MIN) * RECORD_WORK;
}

/**
 * Called when a search finds no record although the header of the batch promises one. Throws DiskError if the
 * checksum shows that the batch is corrupt.
 */
export function assertIntact(batch: Uint8Array): void {
  if (!checkBatchCrc(batch, 0, batch.length)) throw new DiskError('EIO', 'the checksum of a batch is wrong');
}

/** For a job: searches the batch with the largest limit of work. */
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
 * Feeds the batch's records to `finder`. False: the batch costs more than `workMax`. If the batch cannot be
 * decoded, the search ends there without an error. The door refuses such batches, so a Millrace leader
 * appends none.
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
