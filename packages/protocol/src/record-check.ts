/**
 * Checks the records of a whole batch, or finds a record in it, synchronously and up to a price. Work is
 * counted in bytes that are unfolded: a record costs as much as RECORD_WORK of them. The same batch always
 * costs the same, whatever the machine.
 */
import { BATCH_HEADER_BYTES, type BatchHeader } from './batch.ts';
import { type ByteSink, TooLargeError } from './compression/unfold.ts';
import { DecodeError } from './decode-error.ts';
import { ErrorCode } from './error-code.ts';
import { RecordChecker } from './record-checker.ts';
import {
  type RecordRules,
  type RecordsRefused,
  type RecordsVerdict,
  refusedRecords,
} from './record-rules.ts';
import { RECORD_BYTES_MIN, RECORD_WORK } from './record-walker.ts';
import type { CompressionCodecs } from './records.ts';

/**
 * What may be done on the event loop: measured, that is 1 to 4 ms with any codec and any size of records
 * (`npm run bench:check`).
 */
export const LOOP_WORK_MAX = 1024 * 1024;
/**
 * What a compressed byte may cost though nothing comes out of it, in bytes unfolded (some 3 ns); by codec.
 * Measured with blocks that hold only tables, or nothing: gzip 150 ns, snappy 26 ns, LZ4 14 ns, zstd 28 ns
 * (`npm run bench:check`). With LOOP_WORK_MAX that leaves 32 KiB of gzip, 128 KiB of snappy and zstd, and 256
 * KiB of LZ4 on the event loop, each at most 3 to 5 ms. A job does not count them.
 */
const INPUT_WORK = [0, 32, 8, 4, 8] as const;
/** Most work that one batch may cost. Kafka has no such limit. */
export const RECORDS_WORK_MAX = 2 ** 31;

/** What one turn of the event loop may still spend on unfolding and compressing. */
export interface WorkBudget {
  work: number;
}

/** What unfolding costs, whatever comes out. */
export function inputWork({ compression, sizeBytes }: BatchHeader): number {
  return sizeBytes * (INPUT_WORK[compression] ?? 0);
}

/**
 * The verdict; undefined when it would cost more than `workMax`, or, where it is compressed, than what is
 * left of `budget`, which pays for it. The header's own claims must have been checked.
 */
export function checkRecords(
  batch: Uint8Array,
  header: BatchHeader,
  rules: RecordRules,
  codecs: CompressionCodecs,
  workMax: number,
  budget?: WorkBudget,
): RecordsVerdict | undefined {
  if (recordsClaimed(header) * RECORD_WORK > workMax) return undefined;
  if (header.compression === 0 || budget === undefined)
    return checkUpTo(batch, header, workMax, new RecordChecker(header, rules, workMax), codecs);
  const { work } = budget;
  const max = Math.min(work, workMax);
  const input = inputWork(header);
  if (input > max) return undefined;
  const checker = new RecordChecker(header, rules, max);
  // What is damaged or too large may have cost all of it.
  budget.work = work - max;
  const verdict = checkUpTo(batch, header, max, checker, codecs);
  if (verdict?.ok) budget.work = Math.max(0, work - Math.max(input, workOf(checker)));
  return verdict;
}

/** What looking at the bytes and records cost so far. */
export function workOf({ bytes, records }: { readonly bytes: number; readonly records: number }): number {
  return bytes + records * RECORD_WORK;
}

/** As `checkRecords`, with all the work that a batch may cost: for a job. */
export function checkRecordsWhole(
  batch: Uint8Array,
  header: BatchHeader,
  rules: RecordRules,
  codecs: CompressionCodecs,
): RecordsVerdict {
  const checker = new RecordChecker(header, rules, RECORDS_WORK_MAX);
  return checkUpTo(batch, header, RECORDS_WORK_MAX, checker, codecs) ?? refusedForWork();
}

function checkUpTo(
  batch: Uint8Array,
  header: BatchHeader,
  workMax: number,
  checker: RecordChecker,
  codecs: CompressionCodecs,
): RecordsVerdict | undefined {
  try {
    unfoldBatch(batch, header, checker, codecs, workMax);
  } catch (error) {
    if (error instanceof TooLargeError) return undefined;
    return refusedPayload(error);
  }
  return checker.isOverWork ? undefined : checker.finish();
}

/** How many records there may be to look at: a count can lie, but no more than there is room for. */
function recordsClaimed({ compression, recordCount, sizeBytes }: BatchHeader): number {
  return compression === 0 ? Math.min(recordCount, sizeBytes / RECORD_BYTES_MIN) : recordCount;
}

/**
 * Shows the records' bytes to `sink`. Throws DecodeError when the payload is damaged, TooLargeError beyond
 * `maxBytes`.
 */
export function unfoldBatch(
  batch: Uint8Array,
  header: BatchHeader,
  sink: ByteSink,
  codecs: CompressionCodecs,
  maxBytes: number,
): void {
  const section = batch.subarray(BATCH_HEADER_BYTES, header.sizeBytes);
  if (header.compression === 0) sink.push(section);
  else codecs.unfold(header.compression, section, maxBytes, sink);
}

/** Kafka's answer to a payload that it cannot read; anything but a DecodeError is thrown on. */
export function refusedPayload(error: unknown): RecordsRefused {
  if (!(error instanceof DecodeError)) throw error;
  return refusedRecords(
    ErrorCode.UNKNOWN_SERVER_ERROR,
    `the records cannot be decompressed: ${error.message}`,
  );
}

/** Too large is what a producer answers by sending fewer records at once. */
export function refusedForWork(): RecordsRefused {
  return refusedRecords(
    ErrorCode.MESSAGE_TOO_LARGE,
    `checking the records of the batch would cost more than ${RECORDS_WORK_MAX} (bytes unfolded, and ${RECORD_WORK} for each record)`,
  );
}
