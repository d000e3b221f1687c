/**
 * The interface to the quorum's disk. Writes happen in order. A call of `done` without an error means that
 * the data is fsynced. After an error the contents of the disk are unknown, so the quorum must stop.
 *
 * The storage keeps at most two published snapshots. The log begins at the end of the older one. With only
 * one published snapshot, the log begins at offset 0, or at the end of that snapshot if a leader sent it. So
 * the older snapshot and the log can replace the newer snapshot if the newer one is damaged. A damaged
 * snapshot stays as a third one until the log begins after its end.
 */
import type { Offset, Uuid } from '@millrace/base';
import type { LogBatch, Snapshot, SnapshotId, SnapshotManifest, VoteState } from './types.ts';

export interface StoredState {
  /** The storage's own random id, drawn at its creation. Undefined: the storage is new. */
  readonly identity: Uuid | undefined;
  readonly vote: VoteState;
  /** Where the log begins; LOG_BEGINNING: at offset 0. */
  readonly start: SnapshotId;
  /** The newest published snapshot that is intact. */
  readonly snapshot: Snapshot | undefined;
  /** The published snapshot before it, if there is one. Its parts may be damaged. */
  readonly older: SnapshotManifest | undefined;
  /** The whole log in order, from `start`. */
  readonly batches: readonly LogBatch[];
  /** Damage in data that the node does not need at this start. Each is a sentence for a user. */
  readonly problems: readonly string[];
}

/** Where a log begins that no snapshot has shortened. */
export const LOG_BEGINNING: SnapshotId = { endOffset: 0, epoch: 0 };

export type StorageWrite =
  | { readonly type: 'identity'; readonly identity: Uuid }
  | { readonly type: 'vote'; readonly vote: VoteState }
  /** Removes every batch with baseOffset >= offset. */
  | { readonly type: 'truncate'; readonly offset: Offset }
  | { readonly type: 'append'; readonly batches: readonly LogBatch[] }
  /** One part of a snapshot that is not published yet. A crash may lose such parts. */
  | {
      readonly type: 'snapshotPart';
      readonly id: SnapshotId;
      readonly part: number;
      readonly content: Uint8Array;
    }
  /**
   * Publishes a snapshot whose parts are written. After that, nobody needs unpublished parts of older
   * snapshots.
   */
  | { readonly type: 'publishSnapshot'; readonly manifest: SnapshotManifest }
  /** Removes every batch with baseOffset < start.endOffset, and every snapshot older than `start`. */
  | { readonly type: 'trim'; readonly start: SnapshotId }
  /** Publishes a snapshot of the leader, and removes the whole log and every other snapshot. */
  | { readonly type: 'installSnapshot'; readonly manifest: SnapshotManifest };

export interface RaftStorage {
  load(done: (state: StoredState | Error) => void): void;
  /**
   * Applies all `writes` in their order, in one atomic, synced write. The caller has one write in flight at a
   * time.
   */
  write(writes: readonly StorageWrite[], done: (error?: Error) => void): void;
  /** Reads a part of a published snapshot. Undefined: this snapshot was removed. */
  readPart(id: SnapshotId, part: number, done: (content: Uint8Array | Error | undefined) => void): void;
  close(done: () => void): void;
}
