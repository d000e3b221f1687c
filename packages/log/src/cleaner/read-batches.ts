/** Reads whole batches of a sealed segment for the cleaner, a limited number of bytes at a time. */
import { DiskError, type Offset } from '@millrace/base';
import { BATCH_HEADER_BYTES, BatchHeader, DecodeError, readBatchHeader } from '@millrace/protocol';
import type { Segment } from '../segment/segment.ts';

/** A place between two batches of a segment. */
export interface Place {
  readonly position: number;
  /** Where the batch before it ends, or where the segment begins. */
  readonly offset: Offset;
}

export interface BatchChunk {
  /**
   * Begins with whole batches. What follows them has no meaning. In memory of its own, because a job takes
   * the memory over.
   */
  readonly bytes: Uint8Array;
  /** The size of these batches. */
  readonly sizeBytes: number;
  /** The place behind them. */
  readonly next: Place;
  /** True if no batch of the segment follows. */
  readonly isLast: boolean;
}

/**
 * Reads about `chunkBytes`, but at least one batch, whatever its size. `endOffset`: where the segment ends.
 * Leaves out batches from `endOffset` on: a truncation cut them off, and a power loss restored them. Throws
 * DiskError, also if it meets damage. No checksum covers the base offset of a batch, so this checks that the
 * offsets rise up to the segment's end.
 *
 * `spare`: memory of an earlier chunk, for this one. V8 counts new memory, and soon collects garbage in the
 * whole heap: in a compaction that takes more time than the checksums.
 */
export function readBatches(
  segment: Segment,
  { position, offset }: Place,
  endOffset: Offset,
  chunkBytes: number,
  spare?: Uint8Array,
): BatchChunk {
  const file = segment.log.file();
  const left = segment.sizeBytes - position;
  const header = new BatchHeader();
  const damaged = (reason: string): DiskError => new DiskError('EIO', `${segment.log.path}: ${reason}`);
  const wanted = Math.min(Math.max(chunkBytes, BATCH_HEADER_BYTES), left);
  let bytes = spare !== undefined && spare.length >= wanted ? spare : new Uint8Array(wanted);
  let filled = 0;
  const fillTo = (sizeBytes: number): void => {
    // If the file ends early, the rest of a spare is bytes of another chunk.
    const missing = sizeBytes - filled;
    if (file.read(position + filled, bytes.subarray(filled, sizeBytes)) < missing)
      throw damaged('the file is cut');
    filled = sizeBytes;
  };
  fillTo(wanted);
  let whole = 0;
  let isEnd = false;
  let nextOffset = offset;
  try {
    while (!isEnd && filled - whole >= BATCH_HEADER_BYTES) {
      readBatchHeader(bytes, whole, header);
      if (header.sizeBytes > left - whole) throw damaged('a batch is cut');
      isEnd = nextOffset === endOffset && header.baseOffset >= endOffset;
      if (isEnd) break;
      if (header.baseOffset < nextOffset || header.lastOffset >= endOffset || header.lastOffsetDelta < 0)
        throw damaged('a batch has unexpected offsets');
      if (whole + header.sizeBytes > filled) {
        if (whole > 0) break;
        if (header.sizeBytes > bytes.length) {
          const larger = new Uint8Array(header.sizeBytes);
          larger.set(bytes.subarray(0, filled));
          bytes = larger;
        }
        fillTo(header.sizeBytes);
      }
      whole += header.sizeBytes;
      nextOffset = header.lastOffset + 1;
    }
  } catch (error) {
    if (error instanceof DecodeError) throw damaged(error.message);
    throw error;
  }
  if (whole === 0 && !isEnd && left > 0) throw damaged('a batch is cut');
  return {
    bytes,
    sizeBytes: whole,
    next: { position: position + whole, offset: nextOffset },
    isLast: isEnd || whole === left || nextOffset === endOffset,
  };
}
