/**
 * Scans the batches of a file as `scanBatches` does, in steps. Each step reads one window. OpenFiles may
 * close the file between two steps, so each step asks for the file again.
 */
import type { DiskFile } from '@millrace/base';
import { BATCH_HEADER_BYTES, BatchHeader, DecodeError, readBatchHeader } from '@millrace/protocol';
import { RECOVERY_STEP_BYTES } from '../limits.ts';
import { implausible, type ScanEnd, type ScanOptions, type Visit } from '../segment/batch-scan.ts';
import type { Segment } from '../segment/segment.ts';
import type { Steps } from './steps.ts';

/** Scans from `from` to the end of the segment. May throw DiskError. */
export function scanSegment(
  segment: Segment,
  { from = 0, checkCrc }: { readonly from?: number; readonly checkCrc: boolean },
  visit: Visit,
): Steps<ScanEnd> {
  const { log, sizeBytes: to, baseOffset: minimumOffset } = segment;
  return scanInSteps(() => log.file(), { from, to, checkCrc, minimumOffset }, visit);
}

export function* scanInSteps(
  file: () => DiskFile,
  o: Omit<ScanOptions, 'windowBytes'>,
  visit: Visit,
): Steps<ScanEnd> {
  const header = new BatchHeader();
  let window = new Uint8Array(Math.max(0, Math.min(RECOVERY_STEP_BYTES, o.to - o.from)));
  let windowStart = o.from;
  let windowEnd = o.from;
  let position = o.from;
  let minimumOffset = o.minimumOffset;
  /** The position of the first batch in the window whose checksum is wrong. */
  let wrongAt: number | undefined;
  const holds = (size: number): boolean => position + size <= windowEnd;
  /** Reads the window that begins at `position`. False: the file ends before `size` bytes. */
  function* load(size: number): Steps<boolean> {
    if (position + size > o.to) return false;
    if (size > window.length) window = new Uint8Array(size);
    const want = Math.min(window.length, o.to - position);
    const got = file().read(position, window.subarray(0, want));
    windowStart = position;
    windowEnd = position + got;
    const batches = window.subarray(0, got);
    const wrong = yield o.checkCrc ? { workBytes: got, batches } : { workBytes: got };
    wrongAt = wrong === undefined ? undefined : windowStart + wrong;
    return got >= size;
  }
  const damaged = (damage: string): ScanEnd => ({ position, damage, stopped: false });
  while (position < o.to) {
    if (!holds(BATCH_HEADER_BYTES) && !(yield* load(BATCH_HEADER_BYTES)))
      return damaged('the last batch is cut within its header');
    try {
      readBatchHeader(window, position - windowStart, header);
    } catch (error) {
      if (error instanceof DecodeError) return damaged(error.message);
      throw error;
    }
    const wrong = implausible(header, o.to - position, minimumOffset);
    if (wrong !== undefined) return damaged(wrong);
    if (o.checkCrc) {
      if (!holds(header.sizeBytes) && !(yield* load(header.sizeBytes)))
        return damaged('the last batch is cut');
      if (position === wrongAt) return damaged('the checksum of a batch is wrong');
    }
    if (visit(header, position, window, position - windowStart) === true)
      return { position, damage: undefined, stopped: true };
    minimumOffset = header.lastOffset + 1;
    position += header.sizeBytes;
  }
  return { position, damage: undefined, stopped: false };
}
