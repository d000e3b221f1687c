/**
 * Scans the batches of a segment file, reading in windows. Decides nothing: reports the batches and where
 * good data ends.
 */
import type { DiskFile } from '@millrace/base';
import {
  BATCH_HEADER_BYTES,
  BatchHeader,
  checkBatchCrc,
  DecodeError,
  readBatchHeader,
} from '@millrace/protocol';

export interface ScanOptions {
  /** The position where the first batch begins. */
  readonly from: number;
  /** The position where the data ends. */
  readonly to: number;
  readonly windowBytes: number;
  readonly checkCrc: boolean;
  /** A batch with a lower base offset is damage. Each batch raises this limit for the next batch. */
  readonly minimumOffset: number;
}

export interface ScanEnd {
  /** The position after the last good batch, or that of the batch at which the visitor stopped. */
  readonly position: number;
  /** Why the scan could not continue; undefined: it met no damage. */
  readonly damage: string | undefined;
  readonly stopped: boolean;
}

/**
 * `bytes` holds the batch at index `at`: the whole batch when checksums are checked, else at least its
 * header. Return true to stop before the batch.
 */
export type Visit = (
  header: BatchHeader,
  position: number,
  bytes: Uint8Array,
  at: number,
) => boolean | undefined;

export function scanBatches(file: DiskFile, o: ScanOptions, visit: Visit): ScanEnd {
  const header = new BatchHeader();
  let window = new Uint8Array(Math.max(0, Math.min(o.windowBytes, o.to - o.from)));
  let windowStart = o.from;
  let windowEnd = o.from;
  let position = o.from;
  let minimumOffset = o.minimumOffset;
  const load = (size: number): boolean => {
    if (position >= windowStart && position + size <= windowEnd) return true;
    if (position + size > o.to) return false;
    if (size > window.length) window = new Uint8Array(size);
    const want = Math.min(window.length, o.to - position);
    const got = file.read(position, want === window.length ? window : window.subarray(0, want));
    windowStart = position;
    windowEnd = position + got;
    return got >= size;
  };
  const damaged = (damage: string): ScanEnd => ({ position, damage, stopped: false });
  while (position < o.to) {
    if (!load(BATCH_HEADER_BYTES)) return damaged('the last batch is cut within its header');
    try {
      readBatchHeader(window, position - windowStart, header);
    } catch (error) {
      if (error instanceof DecodeError) return damaged(error.message);
      throw error;
    }
    const wrong = implausible(header, o.to - position, minimumOffset);
    if (wrong !== undefined) return damaged(wrong);
    if (o.checkCrc) {
      if (!load(header.sizeBytes)) return damaged('the last batch is cut');
      if (!checkBatchCrc(window, position - windowStart, header.sizeBytes))
        return damaged('the checksum of a batch is wrong');
    }
    if (visit(header, position, window, position - windowStart) === true)
      return { position, damage: undefined, stopped: true };
    minimumOffset = header.lastOffset + 1;
    position += header.sizeBytes;
  }
  return { position, damage: undefined, stopped: false };
}

/** What contradicts that a batch with this header is here; undefined: nothing. */
export function implausible(
  header: BatchHeader,
  bytesLeft: number,
  minimumOffset: number,
): string | undefined {
  if (header.magic !== 2) return 'a batch has an unknown format';
  if (header.sizeBytes > bytesLeft) return 'the last batch is cut';
  if (header.baseOffset < minimumOffset) return 'offsets go back';
  if (header.lastOffsetDelta < 0 || header.recordCount < 0) return 'a batch has impossible counts';
  return undefined;
}
