/**
 * Checks the records of a whole batch, or finds a record in it, synchronously and up to a price. Work is counted in bytes that are
 * unfolded: a record costs as much as RECORD_WORK of them. The same batch always costs the same, whatever the machine.
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

/** What may be done on the event loop: measured, that is 1 to 4 ms with any codec and any size of records (`npm run bench:check`). */
export const LOOP_WORK_MAX = 1024 * 1024;
/** Most work that one batch may cost. Kafka has no such limit. */
export const RECORDS_WORK_MAX = 2 ** 31;

/** The verdict; undefined when it would cost more than `workMax`. The header's own claims must have been checked. */
export function checkRecords(
  batch: Uint8Array,
  header: BatchHeader,
  rules: RecordRules,
  codecs: CompressionCodecs,
  workMax: number,
): RecordsVerdict | undefined {
  if (recordsClaimed(header) * RECORD_WORK > workMax) return undefined;
  return checkUpTo(batch, header, rules, codecs, workMax);
}

/** As `checkRecords`, with all the work that a batch may cost: for a job. */
export function checkRecordsWhole(
  batch: Uint8Array,
  header: BatchHeader,
  rules: RecordRules,
  codecs: CompressionCodecs,
): RecordsVerdict {
  return checkUpTo(batch, header, rules, codecs, RECORDS_WORK_MAX) ?? refusedForWork();
}

function checkUpTo(
  batch: Uint8Array,
  header: BatchHeader,
  rules: RecordRules,
  codecs: CompressionCodecs,
  workMax: number,
): RecordsVerdict | undefined {
  const checker = new RecordChecker(header, rules, workMax);
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

/** Shows the records' bytes to `sink`. Throws DecodeError when the payload is damaged, TooLargeError beyond `maxBytes`. */
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
