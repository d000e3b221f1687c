/** Compares a compacted batch with the committed batch. */
import { type CompressionCodecs, type Record as ReadRecord, readRecords } from '@millrace/protocol';
import type { LogBatch } from './log-reading.ts';

/**
 * Says why the log cleaner cannot have made the batch `left` from the batch `committed`. Returns undefined if
 * the cleaner can have made it. The cleaner keeps the offsets, the producer and the sequence numbers of the
 * batch. It may remove records, and keeps the key, value and timestamp of each other record.
 */
export function wrongCompaction(
  committed: LogBatch,
  left: LogBatch,
  codecs: CompressionCodecs,
): string | undefined {
  const { header: before } = committed;
  const { header: after } = left;
  for (const field of FIELDS)
    if (before[field] !== after[field]) return `its ${field} is ${after[field]}, and was ${before[field]}`;
  const original = new Map([...readRecords(committed.bytes, codecs)].map((one) => [one.offset, textOf(one)]));
  // `committed` comes from the ledger, which takes the bytes of the first replica that the checker reads. If
  // that replica had compacted the batch before, `committed` lacks records, too.
  const isWhole = before.recordCount === before.lastOffsetDelta + 1;
  for (const record of readRecords(left.bytes, codecs)) {
    const text = original.get(record.offset);
    if (text === undefined && !isWhole) continue;
    if (text !== textOf(record)) return `its record ${record.offset} is another one`;
  }
  return undefined;
}

const FIELDS = [
  'baseOffset',
  'lastOffsetDelta',
  'leaderEpoch',
  'producerId',
  'producerEpoch',
  'baseSequence',
  'isTransactional',
  'isControl',
] as const;

function textOf({ key, value, timestamp }: ReadRecord): string {
  return [timestamp, keyText(key), keyText(value)].join(' ');
}

/** Bytes as text, to compare them. */
export function keyText(bytes: Uint8Array | null): string {
  return bytes === null ? 'null' : Buffer.from(bytes).toString('base64');
}

/** The key whose bytes `keyText` wrote as text. */
export function textOfKey(text: string): string {
  return Buffer.from(text, 'base64').toString();
}
