/**
 * Batches that follow each other within one quorum epoch, as one batch. Replayed together they give the same
 * image and the same delta, and the maps of the image are opened and closed once: of a thousand small changes
 * that arrive together this is the larger part.
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
