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
  /** Whole batches, in memory of their own, because a job takes the memory over. */
  readonly bytes: Uint8Array;
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
 */
export function readBatches(
  segment: Segment,
  { position, offset }: Place,
  endOffset: Offset,
  chunkBytes: number,
): BatchChunk {
  const file = segment.log.file();
  const left = segment.sizeBytes - position;
  let bytes = new Uint8Array(Math.min(Math.max(chunkBytes, BATCH_HEADER_BYTES), left));
  file.read(position, bytes);
  const header = new BatchHeader();
  const damaged = (reason: string): DiskError => new DiskError('EIO', `${segment.log.path}: ${reason}`);
  let whole = 0;
  let isEnd = false;
  let nextOffset = offset;
  try {
    while (!isEnd && bytes.length - whole >= BATCH_HEADER_BYTES) {
      readBatchHeader(bytes, whole, header);
      if (header.sizeBytes > left - whole) throw damaged('a batch is cut');
      isEnd = nextOffset === endOffset && header.baseOffset >= endOffset;
      if (isEnd) break;
      if (header.baseOffset < nextOffset || header.lastOffset >= endOffset || header.lastOffsetDelta < 0)
        throw damaged('a batch has unexpected offsets');
      if (whole + header.sizeBytes > bytes.length) {
        if (whole > 0) break;
        bytes = new Uint8Array(header.sizeBytes);
        file.read(position, bytes);
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
    bytes: whole === bytes.length ? bytes : bytes.slice(0, whole),
    next: { position: position + whole, offset: nextOffset },
    isLast: isEnd || whole === left || nextOffset === endOffset,
  };
}
