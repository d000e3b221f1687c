/**
 * A storage in memory. Completes a write in the callback that it hands to `later` (by default in a later turn
 * of the event loop). A crash loses writes in flight.
 */

import type { RaftStorage, StorageWrite, StoredState } from '../storage.ts';
import type { LogBatch, VoteState } from '../types.ts';

export interface Stored {
  identity: StoredState['identity'];
  vote: VoteState;
  batches: LogBatch[];
}

export function emptyStored(): Stored {
  return { identity: undefined, vote: { epoch: 0, votedFor: -1 }, batches: [] };
}

/** Applies the writes as a real storage must. This function defines the meaning of StorageWrite. */
export function applyWrites(stored: Stored, writes: readonly StorageWrite[]): void {
  for (const write of writes) {
    if (write.type === 'identity') stored.identity = write.identity;
    else if (write.type === 'vote') stored.vote = write.vote;
    else if (write.type === 'truncate')
      stored.batches = stored.batches.filter((batch) => batch.baseOffset < write.offset);
    else stored.batches.push(...write.batches);
  }
}

export class MemoryStorage implements RaftStorage {
  readonly stored: Stored;
  private readonly later: (callback: () => void) => void;
  private closed = false;

  /**
   * `later` schedules completions, by default in a macrotask. Pass the `stored` of a crashed storage to
   * restart from it.
   */
  constructor(
    stored: Stored = emptyStored(),
    later: (callback: () => void) => void = (f) => void setImmediate(f),
  ) {
    this.stored = stored;
    this.later = later;
  }

  load(done: (state: StoredState | Error) => void): void {
    this.later(() => {
      if (!this.closed) done({ ...this.stored, batches: [...this.stored.batches] });
    });
  }

  write(writes: readonly StorageWrite[], done: (error?: Error) => void): void {
    this.later(() => {
      if (this.closed) return;
      applyWrites(this.stored, writes);
      done();
    });
  }

  /** Simulates the death of the process: writes in flight are lost, and their `done` is never called. */
  crash(): void {
    this.closed = true;
  }

  close(done: () => void): void {
    this.later(() => {
      this.closed = true;
      done();
    });
  }
}
