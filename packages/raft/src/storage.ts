/**
 * The interface to the quorum's disk. Writes happen in order. A call of `done` without an error means that
 * the data is fsynced. After an error the contents of the disk are unknown, so the quorum must stop.
 */
import type { Offset, Uuid } from '@millrace/base';
import type { LogBatch, VoteState } from './types.ts';

export interface StoredState {
  /** The storage's own random id, drawn at its creation. Undefined: the storage is new. */
  readonly identity: Uuid | undefined;
  readonly vote: VoteState;
  /** The whole log in order, from offset 0. */
  readonly batches: readonly LogBatch[];
}

export type StorageWrite =
  | { readonly type: 'identity'; readonly identity: Uuid }
  | { readonly type: 'vote'; readonly vote: VoteState }
  /** Removes every batch with baseOffset >= offset. */
  | { readonly type: 'truncate'; readonly offset: Offset }
  | { readonly type: 'append'; readonly batches: readonly LogBatch[] };

export interface RaftStorage {
  load(done: (state: StoredState | Error) => void): void;
  /**
   * Applies all `writes` in their order, in one atomic, synced write. The caller has one write in flight at a
   * time.
   */
  write(writes: readonly StorageWrite[], done: (error?: Error) => void): void;
  close(done: () => void): void;
}
