/**
 * The quorum's log on this node, as batches in memory (there are no snapshots yet). Owns the end offset, the
 * start offsets of the epochs, and the durable end. Never writes to the disk: RaftNode returns an effect for
 * that.
 *
 * Invariants: batches are contiguous from offset 0; epochs never decrease; durableEnd <= endOffset; replicas
 * exchange only offsets at batch borders.
 */
import { assert, type Offset, type QuorumEpoch } from '@millrace/base';
import type { LogBatch } from './types.ts';

export interface EpochEnd {
  readonly epoch: QuorumEpoch;
  /** Exclusive: one more than the epoch's last offset. */
  readonly endOffset: Offset;
}

export class RaftLog {
  /** Offset after the last record. */
  endOffset: Offset = 0;
  /** Everything below is durable. Rises when a write is confirmed; a truncation may lower it. */
  durableEnd: Offset = 0;
  private readonly batches: LogBatch[] = [];
  /** First offset of each epoch that has records, ascending. */
  private readonly epochStarts: { readonly epoch: QuorumEpoch; readonly startOffset: Offset }[] = [];

  /** Epoch of the last record; 0 when empty. */
  get lastEpoch(): QuorumEpoch {
    return this.epochStarts.at(-1)?.epoch ?? 0;
  }

  get first(): LogBatch | undefined {
    return this.batches[0];
  }

  append(batch: LogBatch): void {
    assert(batch.records.length > 0, 'a batch has records');
    assert(batch.baseOffset === this.endOffset, 'batches are contiguous');
    assert(batch.epoch >= this.lastEpoch, 'epochs never fall along the log');
    if (batch.epoch > this.lastEpoch || this.batches.length === 0)
      this.epochStarts.push({ epoch: batch.epoch, startOffset: batch.baseOffset });
    this.batches.push(batch);
    this.endOffset += batch.records.length;
  }

  /** Removes everything from `offset` on, which must be a batch border. */
  truncateTo(offset: Offset): void {
    assert(offset >= 0 && offset <= this.endOffset, 'a truncation only shortens');
    const index = this.indexAt(offset);
    assert(index !== undefined, 'truncated at the border of a batch');
    this.batches.length = index;
    while (this.epochStarts.length > 0 && this.epochStarts.at(-1)!.startOffset >= offset)
      this.epochStarts.pop();
    this.endOffset = offset;
    this.durableEnd = Math.min(this.durableEnd, offset);
  }

  /** The largest epoch <= `epoch` that has records here, and its end offset; {0, 0} when there is none. */
  endOf(epoch: QuorumEpoch): EpochEnd {
    let endOffset = this.endOffset;
    for (let index = this.epochStarts.length - 1; index >= 0; index--) {
      const { epoch: found, startOffset } = this.epochStarts[index]!;
      if (found <= epoch) return { epoch: found, endOffset };
      endOffset = startOffset;
    }
    return { epoch: 0, endOffset: 0 };
  }

  /** Whether a replica that ends at `offset` with a record of `lastEpoch` has a prefix of this log. */
  isPrefix(offset: Offset, lastEpoch: QuorumEpoch): boolean {
    if (offset === 0) return true;
    const end = this.endOf(lastEpoch);
    if (end.epoch !== lastEpoch || offset > end.endOffset || offset < 0) return false;
    return this.indexAt(offset) !== undefined && this.epochBefore(offset) === lastEpoch;
  }

  /**
   * Reads whole batches from the batch border `from` up to `endOffset`: at most about `maxBytes`, but at
   * least one batch if there is any.
   */
  read(from: Offset, endOffset: Offset, maxBytes: number): LogBatch[] {
    const start = this.indexAt(from);
    assert(start !== undefined, 'read from the border of a batch');
    const found: LogBatch[] = [];
    let bytes = 0;
    for (let index = start; index < this.batches.length; index++) {
      const batch = this.batches[index]!;
      if (batch.baseOffset + batch.records.length > endOffset) break;
      bytes += sizeOf(batch);
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(batch);
    }
    return found;
  }

  /** The epoch of the record before `offset`; 0 at the start. */
  epochBefore(offset: Offset): QuorumEpoch {
    for (let index = this.epochStarts.length - 1; index >= 0; index--) {
      if (this.epochStarts[index]!.startOffset < offset) return this.epochStarts[index]!.epoch;
    }
    return 0;
  }

  /**
   * Index of the batch that starts at `offset`. At the end of the log: the number of batches. Inside a batch:
   * undefined.
   */
  private indexAt(offset: Offset): number | undefined {
    if (offset === this.endOffset) return this.batches.length;
    let low = 0;
    let high = this.batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.batches[middle]!.baseOffset < offset) low = middle + 1;
      else high = middle;
    }
    return this.batches[low]?.baseOffset === offset ? low : undefined;
  }
}

function sizeOf(batch: LogBatch): number {
  let bytes = 32;
  for (const record of batch.records) bytes += record.length + 4;
  return bytes;
}
