/**
 * A storage in memory. Completes a write in the callback that it hands to `later` (by default in a later turn
 * of the event loop). A crash loses writes in flight.
 */
import { isSameId } from '../parts.ts';
import { LOG_BEGINNING, type RaftStorage, type StorageWrite, type StoredState } from '../storage.ts';
import { proveWhole } from '../stored-state.ts';
import type { LogBatch, Snapshot, SnapshotId, SnapshotManifest, VoteState } from '../types.ts';

export interface Stored {
  identity: StoredState['identity'];
  vote: VoteState;
  start: SnapshotId;
  batches: LogBatch[];
  /** The published snapshots, by ascending end offset. */
  snapshots: Snapshot[];
  /** The parts of snapshots that are not published. */
  unpublished: { readonly id: SnapshotId; readonly parts: Uint8Array[] }[];
}

export function emptyStored(): Stored {
  return {
    identity: undefined,
    vote: { epoch: 0, votedFor: -1 },
    start: LOG_BEGINNING,
    batches: [],
    snapshots: [],
    unpublished: [],
  };
}

/** Applies the writes as a real storage must. This function defines the meaning of StorageWrite. */
export function applyWrites(stored: Stored, writes: readonly StorageWrite[]): void {
  for (const write of writes) {
    if (write.type === 'identity') stored.identity = write.identity;
    else if (write.type === 'vote') stored.vote = write.vote;
    else if (write.type === 'truncate')
      stored.batches = stored.batches.filter((batch) => batch.baseOffset < write.offset);
    else if (write.type === 'append') stored.batches.push(...write.batches);
    else if (write.type === 'snapshotPart') addPart(stored, write.id, write.part, write.content);
    else if (write.type === 'publishSnapshot') publish(stored, write.manifest);
    else if (write.type === 'trim') {
      const { endOffset } = write.start;
      stored.start = write.start;
      stored.batches = stored.batches.filter((batch) => batch.baseOffset >= endOffset);
      stored.snapshots = stored.snapshots.filter(({ manifest }) => manifest.id.endOffset >= endOffset);
    } else {
      publish(stored, write.manifest);
      stored.snapshots = stored.snapshots.slice(-1);
      stored.batches = [];
      stored.start = write.manifest.id;
    }
  }
}

function addPart(stored: Stored, id: SnapshotId, part: number, content: Uint8Array): void {
  let known = stored.unpublished.find((one) => isSameId(one.id, id));
  if (known === undefined) {
    known = { id, parts: [] };
    stored.unpublished = [...stored.unpublished, known];
  }
  known.parts[part] = content;
}

function publish(stored: Stored, manifest: SnapshotManifest): void {
  const { id, parts: count } = manifest;
  const parts = stored.unpublished.find((one) => isSameId(one.id, id))?.parts.slice(0, count) ?? [];
  stored.unpublished = stored.unpublished.filter((one) => one.id.endOffset > id.endOffset);
  stored.snapshots = [
    ...stored.snapshots.filter((one) => !isSameId(one.manifest.id, id)),
    { manifest, parts },
  ];
}

/** What a storage with these contents loads. */
export function stateOf(stored: Stored): StoredState | Error {
  const { identity, vote, start } = stored;
  const snapshots = stored.snapshots.map(({ manifest, parts }) => {
    return { id: manifest.id, damage: undefined, manifest, parts };
  });
  const proven = proveWhole({ start, batches: [...stored.batches], snapshots });
  if (typeof proven === 'string') return new Error(`the quorum storage is damaged: ${proven}`);
  return { identity, vote, ...proven };
}

export function storedPart(stored: Stored, id: SnapshotId, part: number): Uint8Array | undefined {
  return stored.snapshots.find(({ manifest }) => isSameId(manifest.id, id))?.parts[part];
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
      if (!this.closed) done(stateOf(this.stored));
    });
  }

  write(writes: readonly StorageWrite[], done: (error?: Error) => void): void {
    this.later(() => {
      if (this.closed) return;
      applyWrites(this.stored, writes);
      done();
    });
  }

  readPart(id: SnapshotId, part: number, done: (content: Uint8Array | Error | undefined) => void): void {
    this.later(() => {
      if (!this.closed) done(storedPart(this.stored, id, part));
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
