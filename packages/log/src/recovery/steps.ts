/**
 * Recovery in steps. The scan of a large log takes longer than one turn of the event loop may. So recovery is
 * a generator, which yields after each step. `runToEnd` runs all steps in the present turn. `Opening` runs
 * them over several turns, and gives the check of checksums to jobs. Only recovery itself decides what the
 * log keeps, and only on the event loop: a job reads no file, and changes none.
 */
import {
  BATCH_HEADER_BYTES,
  BatchHeader,
  checkBatchCrc,
  DecodeError,
  readBatchHeader,
} from '@millrace/protocol';

/** The end of a step. The turn may end here. */
export interface Step {
  /** The bytes that the step has read. */
  readonly workBytes: number;
  /**
   * Batches whose checksums recovery needs to know before the next step; see `firstWrongChecksum`. The memory
   * is valid until the next step begins.
   */
  readonly batches?: Uint8Array;
}

/** The answer to a step with batches is the result of `firstWrongChecksum`. */
export type Steps<T> = Generator<Step, T, number | undefined>;

/** Runs all steps in the present turn. */
export function runToEnd<T>(steps: Steps<T>): T {
  let next = steps.next();
  while (next.done !== true)
    next = steps.next(next.value.batches === undefined ? undefined : firstWrongChecksum(next.value.batches));
  return next.value;
}

/**
 * Checks the batches up to the first one that is not whole, or that is no batch. Returns the index of the
 * first batch whose checksum is wrong; undefined: there is none.
 */
export function firstWrongChecksum(bytes: Uint8Array): number | undefined {
  const header = new BatchHeader();
  let at = 0;
  while (bytes.length - at >= BATCH_HEADER_BYTES) {
    try {
      readBatchHeader(bytes, at, header);
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
    if (header.magic !== 2 || header.sizeBytes > bytes.length - at) return undefined;
    if (!checkBatchCrc(bytes, at, header.sizeBytes)) return at;
    at += header.sizeBytes;
  }
  return undefined;
}
