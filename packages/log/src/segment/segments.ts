/**
 * The segments of one log, oldest first. There is at least one: the last one is active, all others are
 * sealed. Finds the segment of an offset and reads whole batches from the disk. Creates and removes segments
 * in an order that leaves no gap in the log if the process dies in between.
 */
import { assert, type Offset, type WallMillis } from '@millrace/base';
import { BATCH_HEADER_BYTES, BatchPlace, DecodeError, ErrorCode, readBatchPlace } from '@millrace/protocol';
import type { FileHandle } from '../files/file-handle.ts';
import { TEMPORARY_SUFFIX } from '../files/file-names.ts';
import type { OpenFiles } from '../files/open-files.ts';
import { SPARE_FROM_BYTES } from '../limits.ts';
import type { LogConfig, ReadOptions, ReadResult } from '../types.ts';
import { ReadHints } from './read-hints.ts';
import { type Located, Segment } from './segment.ts';

export interface DiskRead {
  readonly chunks: Uint8Array[];
  readonly sizeBytes: number;
  /** The damage that stopped the read. */
  readonly damage?: string | undefined;
}

type SegmentReadOptions = ReadOptions & { readonly segmentEnd: Offset };

export class Segments {
  readonly list: Segment[];
  /**
   * True if compaction may have left gaps, here or at the leader. Then batches may be missing between two
   * others; in any other log a gap is damage. No checksum covers the base offset of a batch, as in Kafka. So
   * in a log with gaps, a read does not notice a damaged base offset that still lies between those of its
   * neighbours.
   */
  mayHaveGaps = false;
  private readonly files: OpenFiles;
  private readonly directory: string;
  private readonly hints: ReadHints;
  /** Reused for every batch. */
  private readonly place = new BatchPlace();

  constructor(files: OpenFiles, directory: string, list: Segment[]) {
    assert(list.length > 0, 'a log has a segment');
    this.files = files;
    this.hints = new ReadHints(files.hints);
    this.directory = directory;
    this.list = list;
  }

  get active(): Segment {
    return this.list[this.list.length - 1]!;
  }

  get sizeBytes(): number {
    let sum = 0;
    for (const segment of this.list) sum += segment.sizeBytes;
    return sum;
  }

  /** Index of the last segment that begins at or below `offset`; 0 when all begin later. */
  indexFor(offset: Offset): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle]!.baseOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /**
   * Adds a new active segment. The caller has sealed the previous one. After a DiskError this removes the new
   * files. If the removal fails, too, this calls `stuck`.
   */
  add(baseOffset: Offset, config: LogConfig, nowWallMs: WallMillis, stuck: () => void): void {
    const segment = new Segment(this.files, this.directory, baseOffset, nowWallMs);
    try {
      segment.create(preallocatedBytes(config));
    } catch (error) {
      try {
        segment.remove();
      } catch {
        stuck();
      }
      throw error;
    }
    this.list.push(segment);
  }

  /** True if the oldest segment holds only offsets below `offset`, and is not the active one. */
  isFirstBelow(offset: Offset): boolean {
    return this.list.length > 1 && this.list[1]!.baseOffset <= offset;
  }

  /**
   * Puts the cleaned segment in the place of the segments that it replaces, which are neighbours. Their files
   * are marked for a later removal.
   */
  replace(old: readonly Segment[], cleaned: Segment): void {
    const index = this.list.indexOf(old[0]!);
    assert(
      index >= 0 && this.list[index + old.length - 1] === old.at(-1),
      'a log has the segments to replace',
    );
    this.list.splice(index, old.length, cleaned);
    this.hints.clear();
  }

  /**
   * Removes the oldest segment, and marks its files for a later removal. Returns their new paths. May throw
   * DiskError; then the segment stays.
   */
  removeFirst(): string[] {
    assert(this.list.length > 1, 'a log keeps its active segment');
    const paths = this.list[0]!.markDeleted();
    this.list.shift();
    this.hints.clear();
    return paths;
  }

  /**
   * Cuts the segment at `index`, removes the later segments, the newest first, and continues the log in a
   * new, empty segment. `position` 0 removes the cut segment, too. Unlinks the files in the background.
   * Creates the new segment first: if the process dies in between, recovery finds the place of the cut.
   * Returns true if a power loss could restore a removed segment beside the new one, with records. May throw
   * DiskError; then the cut may be incomplete.
   */
  cut(
    {
      index,
      position,
      endOffset,
    }: { readonly index: number; readonly position: number; readonly endOffset: Offset },
    config: LogConfig,
    nowWallMs: WallMillis,
  ): boolean {
    this.hints.clear();
    const keep = position === 0 ? index - 1 : index;
    const next = this.fresh(endOffset, config, nowWallMs);
    let mayReturn = false;
    while (this.list.length - 1 > keep) {
      const { active } = this;
      const isReplaced = active.baseOffset === endOffset;
      mayReturn ||= !isReplaced && active.sizeBytes > 0;
      if (!isReplaced) this.files.unlinker.unlink(active.markDeleted());
      this.list.pop();
    }
    const cut = this.list[keep];
    this.list.push(next);
    if (position > 0) cut!.truncate(position, endOffset);
    return mayReturn;
  }

  /**
   * Creates an empty segment in new files. If a segment has their names, the new files replace its files in
   * one step each, so no power loss can mix the bytes of the two.
   */
  private fresh(baseOffset: Offset, config: LogConfig, nowWallMs: WallMillis): Segment {
    this.list.find((other) => other.baseOffset === baseOffset)?.close();
    const segment = new Segment(this.files, this.directory, baseOffset, nowWallMs, TEMPORARY_SUFFIX);
    segment.create(preallocatedBytes(config));
    segment.rename('');
    return segment;
  }

  /** The first batch whose last offset is >= `offset`, with its segment. */
  locate(offset: Offset): { segment: Segment; index: number; located: Located } | undefined {
    for (let index = this.indexFor(offset); index < this.list.length; index++) {
      const segment = this.list[index]!;
      const located = segment.locate(offset);
      if (located !== undefined) return { segment, index, located };
    }
    return undefined;
  }

  /**
   * Reads whole batches of one segment. The first batch holds `fromOffset`. `endOffset`: where the log ends.
   * May throw DiskError.
   */
  read(o: ReadOptions & { readonly endOffset: Offset }): DiskRead {
    const found = this.startOf(o.fromOffset);
    if (found === undefined) {
      // A log ends in a gap only if its active segment is empty. Otherwise the last batch ends where the log
      // ends.
      const mayEndInGap = this.mayHaveGaps && this.active.sizeBytes === 0;
      return { chunks: [], sizeBytes: 0, damage: mayEndInGap ? undefined : 'no batch holds the offset' };
    }
    // Do not read batches at or above the base offset of the next segment, because an earlier truncation cut
    // them off, and a power loss restored them.
    const segmentEnd = this.list[found.index + 1]?.baseOffset ?? o.endOffset;
    const limits = { segmentEnd, endOffsetMax: Math.min(o.endOffsetMax, segmentEnd) };
    return this.readAt(this.list[found.index]!, found.position, { ...o, ...limits });
  }

  /**
   * Finds the position of the batch that holds `offset`. If an earlier read ended at `offset`, uses the hint
   * that it left. Otherwise uses the index.
   */
  private startOf(offset: Offset): { readonly index: number; readonly position: number } | undefined {
    const index = this.indexFor(offset);
    const hint = this.hints.readFrom(offset);
    if (hint !== undefined && hint.segment === this.list[index] && hint.position < hint.segment.sizeBytes)
      return { index, position: hint.position };
    const found = this.locate(offset);
    return found && { index: found.index, position: found.located.position };
  }

  handles(): FileHandle[] {
    return this.list.flatMap((segment) => segment.handles());
  }

  close(): void {
    this.hints.clear();
    for (const segment of this.list) segment.close();
  }

  /** Returns a buffer for a read. Spare buffers are large, so small reads do not use them. */
  private buffer(sizeBytes: number): Uint8Array {
    if (sizeBytes < SPARE_FROM_BYTES) return new Uint8Array(sizeBytes);
    return this.files.spares.take(sizeBytes).subarray(0, sizeBytes);
  }

  private readAt(segment: Segment, position: number, o: SegmentReadOptions): DiskRead {
    const { place } = this;
    const left = segment.sizeBytes - position;
    const file = segment.log.file();
    // Read at least a header, even if `maxBytes` is smaller, because the header holds the first batch's size.
    const want = Math.min(left, Math.max(o.maxBytes, BATCH_HEADER_BYTES));
    let bytes = this.buffer(want);
    const got = file.read(position, bytes);
    const { mayHaveGaps } = this;
    const rules = { ...o, mayHaveGaps };
    let whole = wholeBatches(bytes.subarray(0, Math.min(got, Math.max(o.maxBytes, 0))), rules, place);
    if (
      whole.sizeBytes === 0 &&
      whole.damage === undefined &&
      o.atLeastOneBatch &&
      got >= BATCH_HEADER_BYTES
    ) {
      whole = wholeBatches(bytes.subarray(0, BATCH_HEADER_BYTES), rules, place);
      if (whole.damage === undefined && place.lastOffset < o.endOffsetMax) {
        if (place.sizeBytes > left) return { chunks: [], sizeBytes: 0, damage: 'a batch is cut' };
        this.files.spares.give(bytes);
        bytes = this.buffer(place.sizeBytes);
        const gotBatch = file.read(position, bytes);
        whole = wholeBatches(bytes.subarray(0, gotBatch), rules, place);
        if (gotBatch < place.sizeBytes) whole = CUT;
      }
    } else if (got < Math.min(want, BATCH_HEADER_BYTES) || left < BATCH_HEADER_BYTES) whole = CUT;
    if (whole.sizeBytes === 0) {
      this.files.spares.give(bytes);
      return { chunks: [], sizeBytes: 0, damage: whole.damage };
    }
    this.hints.add(whole.nextOffset, { segment, position: position + whole.sizeBytes });
    return { chunks: [bytes.subarray(0, whole.sizeBytes)], sizeBytes: whole.sizeBytes };
  }
}

interface WholeBatches {
  readonly sizeBytes: number;
  readonly nextOffset: Offset;
  readonly damage?: string;
}

const CUT: WholeBatches = { sizeBytes: 0, nextOffset: -1, damage: 'a batch is cut' };

/** Preallocated size of a new segment's log file. */
export function preallocatedBytes({ preallocate, segmentBytes }: LogConfig): number {
  return preallocate ? segmentBytes : 0;
}

/**
 * Returns the number of bytes at the beginning that are whole batches below `endOffsetMax`. The first batch
 * must hold `fromOffset` and end within its segment, and each later batch must begin where the previous batch
 * ended. Where compaction left a gap, a batch may begin later.
 */
function wholeBatches(
  bytes: Uint8Array,
  {
    fromOffset,
    endOffsetMax,
    segmentEnd,
    mayHaveGaps,
  }: SegmentReadOptions & { readonly mayHaveGaps: boolean },
  place: BatchPlace,
): WholeBatches {
  let position = 0;
  let nextOffset = -1;
  try {
    while (bytes.length - position >= BATCH_HEADER_BYTES) {
      readBatchPlace(bytes, position, place);
      if (place.magic !== 2) return { sizeBytes: 0, nextOffset, damage: 'no batch where one should begin' };
      const isGap = place.baseOffset > (position === 0 ? fromOffset : nextOffset);
      const overlaps = position > 0 && place.baseOffset < nextOffset;
      if (overlaps || (isGap && !mayHaveGaps) || place.lastOffset < fromOffset)
        return { sizeBytes: 0, nextOffset, damage: 'a batch has unexpected offsets' };
      if (position === 0 && place.lastOffset >= segmentEnd)
        return { sizeBytes: 0, nextOffset, damage: 'a batch ends above the end of its segment' };
      if (place.lastOffset >= endOffsetMax || place.sizeBytes > bytes.length - position) break;
      position += place.sizeBytes;
      nextOffset = place.lastOffset + 1;
    }
  } catch (error) {
    if (error instanceof DecodeError) return { sizeBytes: 0, nextOffset, damage: error.message };
    throw error;
  }
  return { sizeBytes: position, nextOffset };
}

export function failedRead(damage?: string): ReadResult {
  return { chunks: [], sizeBytes: 0, errorCode: ErrorCode.KAFKA_STORAGE_ERROR, damage };
}
