/**
 * Joins consecutive batches of one quorum epoch. The replay of the joined batch gives the same image and the
 * same changes, but opens and closes the image's maps only once. For a thousand small changes that arrive
 * together, opening and closing would be most of the work.
 */
import type { Offset, QuorumEpoch } from '@millrace/base';

interface Batch<Record> {
  /** The offset of the first record. */
  readonly baseOffset: Offset;
  readonly epoch: QuorumEpoch;
  readonly records: readonly Record[];
}

export function joinedBatches<Record>(batches: readonly Batch<Record>[]): Batch<Record>[] {
  const joined: { baseOffset: Offset; epoch: QuorumEpoch; records: Record[] }[] = [];
  for (const { baseOffset, epoch, records } of batches) {
    const last = joined.at(-1);
    const follows = last?.epoch === epoch && last.baseOffset + last.records.length === baseOffset;
    if (last !== undefined && follows) for (const record of records) last.records.push(record);
    else joined.push({ baseOffset, epoch, records: [...records] });
  }
  return joined;
}
