/**
 * Checks the records of a whole batch, synchronously and up to a cost limit. `unfoldBatch` passes the bytes
 * of the records to any other receiver (a `ByteSink`). The unit of work is one decompressed byte; a record
 * counts as RECORD_WORK bytes. The same batch costs the same on every machine.
 */
import { BATCH_HEADER_BYTES, type BatchHeader } from './batch.ts';
import { type ByteSink, TooLargeError } from './compression/unfold.ts';
import { DecodeError } from './decode-error.ts';
import { ErrorCode } from './error-code.ts';
import { RecordChecker } from './record-checker.ts';
import {
  invalidRecords,
  type RecordRules,
  type RecordsInvalid,
  type RecordsVerdict,
} from './record-rules.ts';
import { RECORD_BYTES_MIN, RECORD_WORK } from './record-walker.ts';
import type { CompressionCodecs } from './records.ts';

/**
 * The largest work of one check on the event loop: 1 to 4 ms with any codec and any size of records (measured
 * by `npm run bench:check`).
 */
export const LOOP_WORK_MAX = 1024 * 1024;
/**
 * For each codec: the cost of a compressed byte that decompresses to nothing. The unit is one decompressed
 * byte, which takes 1 to 4 ns. `npm run bench:check` measured the time of such a compressed byte, in blocks
 * that hold nothing, or only tables: 150 ns with gzip, 26 ns with snappy, 14 ns with LZ4, and 28 ns with
 * zstd. So within LOOP_WORK_MAX the event loop handles at most 32 KiB of gzip, 128 KiB of snappy and zstd,
 * and 256 KiB of LZ4, each in at most 3 to 5 ms. A job ignores this cost.
 */
const INPUT_WORK = [0, 32, 8, 4, 8] as const;
/** The most work that one batch may cost. Kafka has no such limit. */
export const RECORDS_WORK_MAX = 2 ** 31;

/** The work that one turn of the event loop may still spend on decompressing and compressing. */
export interface WorkBudget {
  work: number;
}

/** Cost of reading the compressed bytes of a batch, without their output. */
export function inputWork({ compression, sizeBytes }: BatchHeader): number {
  return sizeBytes * (INPUT_WORK[compression] ?? 0);
}

/**
 * Checks the records. Returns the verdict, or undefined if the check costs too much: more than `workMax` or,
 * for a compressed batch, more than the rest of `budget`. The check of a compressed batch takes its work from
 * the budget. The caller must have checked the header's own fields.
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
  // Take the whole limit from the budget first, because the check of a damaged or too large batch may use all
  // of it.
  budget.work = work - max;
  const verdict = checkUpTo(batch, header, max, checker, codecs);
  if (verdict?.ok) budget.work = Math.max(0, work - Math.max(input, workOf(checker)));
  return verdict;
}

/** Cost of the bytes and records visited so far. */
export function workOf({ bytes, records }: { readonly bytes: number; readonly records: number }): number {
  return bytes + records * RECORD_WORK;
}

/**
 * Does what `checkRecords` does, for jobs: it has no budget, and refuses a batch that costs more than
 * RECORDS_WORK_MAX.
 */
export function checkRecordsWhole(
  batch: Uint8Array,
  header: BatchHeader,
  rules: RecordRules,
  codecs: CompressionCodecs,
): RecordsVerdict {
  const checker = new RecordChecker(header, rules, RECORDS_WORK_MAX);
  return checkUpTo(batch, header, RECORDS_WORK_MAX, checker, codecs) ?? invalidForWork();
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
    return invalidPayload(error);
  }
  return checker.isOverWork ? undefined : checker.finish();
}

/**
 * Number of records to expect. The count in the header may be wrong, but the size of an uncompressed batch
 * limits the number of its records.
 */
function recordsClaimed({ compression, recordCount, sizeBytes }: BatchHeader): number {
  return compression === 0 ? Math.min(recordCount, sizeBytes / RECORD_BYTES_MIN) : recordCount;
}

/**
 * Passes the records' bytes to `sink`. Throws DecodeError if the payload is damaged, TooLargeError if it
 * decompresses to more than `maxBytes`.
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

/** Kafka's answer to a payload that it cannot read. Rethrows any error except DecodeError. */
export function invalidPayload(error: unknown): RecordsInvalid {
  if (!(error instanceof DecodeError)) throw error;
  return invalidRecords(
    ErrorCode.UNKNOWN_SERVER_ERROR,
    `the records cannot be decompressed: ${error.message}`,
  );
}

/**
 * The verdict on a batch that costs too much to check. MESSAGE_TOO_LARGE makes the producer send fewer
 * records in a batch.
 */
export function invalidForWork(): RecordsInvalid {
  return invalidRecords(
    ErrorCode.MESSAGE_TOO_LARGE,
    `checking the records of the batch costs more than ${RECORDS_WORK_MAX} (1 per unfolded byte, ${RECORD_WORK} per record)`,
  );
}
