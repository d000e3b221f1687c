/**
 * The quorum's log on this node, as batches in memory. Owns the start and the end offset, the start offsets
 * of the epochs, and the durable end. A snapshot holds the state of the records below the start. Never writes
 * to the disk: RaftNode returns an effect for that.
 *
 * Invariants: batches are contiguous from the start; epochs never decrease; durableEnd <= endOffset; replicas
 * exchange only offsets at batch borders.
 */
import { assert, type Offset, type QuorumEpoch } from '@millrace/base';
import { LOG_BEGINNING } from './storage.ts';
import type { LogBatch, SnapshotId } from './types.ts';

export interface EpochEnd {
  readonly epoch: QuorumEpoch;
  /** Exclusive: one more than the epoch's last offset. */
  readonly endOffset: Offset;
}

export class RaftLog {
  /** Where the log begins. Its epoch is that of the record before the first one. */
  start: SnapshotId = LOG_BEGINNING;
  /** Offset after the last record. */
  endOffset: Offset = 0;
  /** Everything below is durable. Rises when a write is confirmed; a truncation may lower it. */
  durableEnd: Offset = 0;
  private readonly batches: LogBatch[] = [];
  /** First offset of each epoch that has records, ascending. */
  private readonly epochStarts: { readonly epoch: QuorumEpoch; readonly startOffset: Offset }[] = [];

  constructor(start: SnapshotId = LOG_BEGINNING) {
    this.startAt(start);
  }

  /** Epoch of the last record. Before the first record of the quorum: 0. */
  get lastEpoch(): QuorumEpoch {
    return this.epochStarts.at(-1)?.epoch ?? this.start.epoch;
  }

  get startOffset(): Offset {
    return this.start.endOffset;
  }

  /** The batch at offset 0. Undefined: the log is empty, or begins after offset 0. */
  get first(): LogBatch | undefined {
    return this.startOffset === 0 ? this.batches[0] : undefined;
  }

  /** Drops all batches. The log then begins at the end of a snapshot, and nothing counts as durable. */
  startAt(start: SnapshotId): void {
    this.start = start;
    this.endOffset = start.endOffset;
    this.durableEnd = 0;
    this.batches.length = 0;
    this.epochStarts.length = 0;
  }

  /** Removes everything before `start`, which must be a batch border of this log. */
  trimTo(start: SnapshotId): void {
    const index = this.indexAt(start.endOffset);
    assert(index !== undefined && start.endOffset >= this.startOffset, 'trimmed at the border of a batch');
    assert(this.epochBefore(start.endOffset) === start.epoch, 'the log has the record before the border');
    this.batches.splice(0, index);
    this.start = start;
    while ((this.epochStarts[1]?.startOffset ?? this.endOffset) <= start.endOffset) {
      if (this.epochStarts.shift() === undefined) return;
    }
    const first = this.epochStarts[0]!;
    if (first.startOffset < start.endOffset)
      this.epochStarts[0] = { epoch: first.epoch, startOffset: start.endOffset };
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
    assert(offset >= this.startOffset, 'a truncation keeps what a snapshot holds');
    assert(offset <= this.endOffset, 'a truncation only shortens');
    const index = this.indexAt(offset);
    assert(index !== undefined, 'truncated at the border of a batch');
    this.batches.length = index;
    while (this.epochStarts.length > 0 && this.epochStarts.at(-1)!.startOffset >= offset)
      this.epochStarts.pop();
    this.endOffset = offset;
    this.durableEnd = Math.min(this.durableEnd, offset);
  }

  /**
   * The largest epoch <= `epoch` that has records in the log or right before its start, and the end offset of
   * that epoch. If there is no such epoch, and the log begins at offset 0: {0, 0}. Undefined: the epoch ended
   * somewhere before the start.
   */
  endOf(epoch: QuorumEpoch): EpochEnd | undefined {
    let endOffset = this.endOffset;
    for (let index = this.epochStarts.length - 1; index >= 0; index--) {
      const { epoch: found, startOffset } = this.epochStarts[index]!;
      if (found <= epoch) return { epoch: found, endOffset };
      endOffset = startOffset;
    }
    return epoch >= this.start.epoch ? { epoch: this.start.epoch, endOffset: this.startOffset } : undefined;
  }

  /**
   * Whether the log of a replica is a prefix of this log. The replica's log ends at `offset`, and its last
   * record has `lastEpoch`.
   */
  isPrefix(offset: Offset, lastEpoch: QuorumEpoch): boolean {
    if (offset === 0) return this.startOffset === 0;
    if (offset === this.startOffset) return lastEpoch === this.start.epoch;
    const end = this.endOf(lastEpoch);
    if (end?.epoch !== lastEpoch || offset > end.endOffset || offset < this.startOffset) return false;
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

  /** Whether a batch begins at `offset`, or the log ends there. */
  isBorder(offset: Offset): boolean {
    return this.indexAt(offset) !== undefined;
  }

  /** The epoch of the record before `offset`; 0 at offset 0. `offset` must not be before the log's start. */
  epochBefore(offset: Offset): QuorumEpoch {
    for (let index = this.epochStarts.length - 1; index >= 0; index--) {
      if (this.epochStarts[index]!.startOffset < offset) return this.epochStarts[index]!.epoch;
    }
    return this.start.epoch;
  }

  /**
   * The index of the batch that starts at `offset`. If `offset` is the end of the log: the number of batches.
   * If it is inside a batch: undefined.
   */
  private indexAt(offset: Offset): number | undefined {
    if (offset === this.endOffset) return this.batches.length;
    if (offset === this.startOffset) return 0;
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
