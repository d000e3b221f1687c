/**
 * Owns the leader epochs of one log, with the first offset of each epoch. Both the epochs and the offsets
 * strictly rise. Also owns the file `leader-epoch-checkpoint`, in Kafka's text format. Never decides about
 * truncation: it only answers where an epoch ended. Replaces the file without fsync. Recovery finds the
 * entries above the recovery point in the batches, and the log syncs the file (`takeUnsynced`) before the
 * recovery point moves.
 */
import { assert, type Disk, type LeaderEpoch, type Offset } from '@millrace/base';
import { formatCheckpoint, parseCheckpoint, replaceFile } from '../files/checkpoint-file.ts';
import type { Syncable } from '../files/flusher.ts';
import { fileToSync } from '../files/sync-files.ts';
import type { EpochEnd } from '../types.ts';

export interface EpochEntry {
  readonly epoch: LeaderEpoch;
  readonly startOffset: Offset;
}

export class LeaderEpochs {
  /** True if the file is damaged. Then recovery must collect the entries from the batches. */
  readonly damaged: boolean;
  private list: EpochEntry[] = [];
  /**
   * True if the list has changes that the file must get. Changes of `truncateFromStart` may wait, so they do
   * not count.
   */
  dirty = false;
  private unsynced = false;
  private readonly disk: Disk;
  private readonly path: string;

  /** `isNew`: there is no file yet. */
  constructor(disk: Disk, path: string, { isNew }: { readonly isNew: boolean } = { isNew: false }) {
    this.disk = disk;
    this.path = path;
    const entries = isNew ? [] : readEntries(disk, path);
    this.damaged = entries === undefined;
    this.list = entries ?? [];
  }

  /** The newest epoch, or -1. */
  get latest(): LeaderEpoch {
    return this.list.length === 0 ? -1 : this.list[this.list.length - 1]!.epoch;
  }

  get entries(): readonly EpochEntry[] {
    return this.list;
  }

  /**
   * Notes that `epoch` begins at `startOffset`, or continues there. Removes entries that contradict it. Does
   * not write the file; `write` does.
   */
  note(epoch: LeaderEpoch, startOffset: Offset): void {
    assert(epoch >= 0 && startOffset >= 0, 'an epoch and its start are not negative');
    const last = this.list[this.list.length - 1];
    if (last !== undefined && last.epoch === epoch && last.startOffset <= startOffset) return;
    while (this.list.length > 0) {
      const entry = this.list[this.list.length - 1]!;
      if (entry.epoch <= epoch && entry.startOffset < startOffset) break;
      this.list.pop();
    }
    // An epoch that continues keeps its start offset.
    if (this.list.at(-1)?.epoch !== epoch) this.list.push({ epoch, startOffset });
    this.dirty = true;
  }

  /** Removes the entries that start at `offset` or later. Called after a truncation to `offset`. */
  truncateFromEnd(offset: Offset): void {
    const before = this.list.length;
    while (this.list.length > 0 && this.list[this.list.length - 1]!.startOffset >= offset) this.list.pop();
    if (this.list.length !== before) this.write();
  }

  /**
   * Called when the log start moved to `offset`. Of the entries that start at or below `offset`, keeps only
   * the last, and moves its start to `offset`. Does not write the file, because recovery, too, calls this
   * with the log start, and because one request may raise the starts of thousands of logs. The next `write`
   * saves the change.
   */
  truncateFromStart(offset: Offset): void {
    let below = -1;
    while (below + 1 < this.list.length && this.list[below + 1]!.startOffset <= offset) below++;
    if (below < 0 || (below === 0 && this.list[0]!.startOffset === offset)) return;
    this.list = [{ epoch: this.list[below]!.epoch, startOffset: offset }, ...this.list.slice(below + 1)];
  }

  /** Adds entries below the first one. None has a larger epoch than the first one. `write` saves them. */
  prepend(entries: readonly EpochEntry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    // If the last added epoch continues in the first entry, it keeps its lower start offset.
    this.list = [...entries, ...this.list.filter(({ epoch }) => epoch > last.epoch)];
    this.dirty = true;
  }

  clear(): void {
    if (this.list.length === 0) return;
    this.list = [];
    this.write();
  }

  /** The epoch of the record at `offset`, or -1 if `offset` lies below the first entry. */
  epochAt(offset: Offset): LeaderEpoch {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle]!.startOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? -1 : this.list[low - 1]!.epoch;
  }

  /**
   * The largest known epoch <= `epoch`, and its end offset (KIP-101, KIP-279). If all known epochs are
   * larger: `epoch` itself, and the start offset of the first known epoch. (-1, -1): `epoch` is -1 or larger
   * than all known epochs.
   */
  endOffsetFor(epoch: LeaderEpoch, logEndOffset: Offset): EpochEnd {
    if (epoch === -1 || epoch > this.latest) return { epoch: -1, endOffset: -1 };
    if (epoch === this.latest) return { epoch, endOffset: logEndOffset };
    let above = 0;
    while (this.list[above]!.epoch <= epoch) above++;
    const next = this.list[above]!;
    return above === 0
      ? { epoch, endOffset: next.startOffset }
      : { epoch: this.list[above - 1]!.epoch, endOffset: next.startOffset };
  }

  /** Replaces the file. */
  write(): void {
    this.dirty = true;
    replaceFile(this.disk, this.path, formatCheckpoint(this.list.map((e) => `${e.epoch} ${e.startOffset}`)));
    this.dirty = false;
    this.unsynced = true;
  }

  /**
   * The file, if it changed since the last call. A write replaces the file, so the caller must sync the
   * folder too.
   */
  takeUnsynced(): Syncable[] {
    if (!this.unsynced) return [];
    this.unsynced = false;
    return [fileToSync(this.disk, this.path)];
  }
}

function readEntries(disk: Disk, path: string): EpochEntry[] | undefined {
  const bytes = disk.readFile(path);
  if (bytes === undefined) return [];
  const lines = parseCheckpoint(bytes);
  if (lines === undefined) return undefined;
  const entries: EpochEntry[] = [];
  for (const line of lines) {
    const match = /^(\d+) (\d+)$/.exec(line);
    if (match === null) return undefined;
    const entry = { epoch: Number(match[1]), startOffset: Number(match[2]) };
    const last = entries[entries.length - 1];
    if (last !== undefined && (last.epoch >= entry.epoch || last.startOffset >= entry.startOffset))
      return undefined;
    entries.push(entry);
  }
  return entries;
}
