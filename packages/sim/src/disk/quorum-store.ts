/**
 * The store of a controller (RaftStorage). It writes atomic batches, and each batch is durable before the
 * store answers, as LevelDB promises with sync. A batch that is on its way when the process dies may exist
 * afterwards or not: a power loss may tear the tail of LevelDB's log, and LevelDB drops a torn batch. A batch
 * whose write or sync failed may also exist afterwards or not. Everything that a process loads is durable,
 * because LevelDB syncs what it recovers from its log.
 */
import { DiskError } from '@millrace/base';
import type { RaftStorage, Snapshot, StorageWrite } from '@millrace/raft';
import { applyWrites, emptyStored, type Stored, stateOf, storedPart } from '@millrace/raft/testing';
import type { Life } from '../world/index.ts';
import type { SimDisk } from './disk.ts';

export const QUORUM_FOLDER = 'metadata-quorum';

const SNAPSHOT_WRITES: ReadonlySet<StorageWrite['type']> = new Set([
  'publishSnapshot',
  'trim',
  'installSnapshot',
]);

export class QuorumStore {
  /** A stored record is corrupt. The store cannot be loaded until the run replaces it. */
  isDamaged = false;
  /** Grows with each write that publishes a snapshot or removes a part of the log. */
  snapshotWrites = 0;
  /** For each damaged snapshot: the snapshot as it was before the damage. */
  private readonly damagedSnapshots = new Map<Snapshot, Snapshot>();
  private stored: Stored = emptyStored();
  private readonly disk: SimDisk;
  private failure: { readonly code: string; writesLeft: number } | undefined;

  constructor(disk: SimDisk) {
    this.disk = disk;
  }

  /** Replaces the store by an empty one. */
  wipe(): void {
    this.stored = emptyStored();
    this.damagedSnapshots.clear();
    this.isDamaged = false;
    this.failure = undefined;
  }

  /** The next `writes` batches fail with this error, at their write or their sync. */
  failWrites(code: string, writes = 1): void {
    this.failure = { code, writesLeft: writes };
  }

  /** Cancels failures that have not struck, and damage of snapshots that no process has found. */
  disarm(): void {
    this.failure = undefined;
    this.stored.snapshots = this.stored.snapshots.map((one) => this.damagedSnapshots.get(one) ?? one);
    this.damagedSnapshots.clear();
  }

  /**
   * Makes a stored record unreadable. A running process does not notice it, because it has all records in
   * memory.
   */
  damage(): void {
    this.isDamaged = true;
  }

  /**
   * Damages one byte of the newest snapshot. Without this snapshot, the store must still be able to load its
   * state from an older snapshot or from the whole log. If it could not, or if there is no snapshot, this
   * function does nothing and returns false. A running process notices the damage when it reads the damaged
   * part for another node.
   */
  damageSnapshot(): boolean {
    const { stored } = this;
    const newest = stored.snapshots.at(-1);
    if (newest === undefined) return false;
    const others = stored.snapshots.slice(0, -1);
    const [first, ...rest] = newest.parts;
    const wrong = Uint8Array.from(first!);
    wrong[0]! ^= 1;
    const damaged = { ...newest, parts: [wrong, ...rest] };
    const snapshots = [...others, damaged];
    if (first!.length === 0 || stateOf({ ...stored, snapshots }) instanceof Error) return false;
    stored.snapshots = snapshots;
    this.damagedSnapshots.set(damaged, newest);
    return true;
  }

  /** What the device has now. Must not be changed. */
  get contents(): Stored {
    return this.stored;
  }

  hasDamaged(snapshot: Snapshot): boolean {
    return this.damagedSnapshots.has(snapshot);
  }

  open(life: Life): RaftStorage {
    const { disk } = this;
    const random = life.random.fork('quorum-store');
    /** The batch on its way to the device, or the one that failed. */
    let uncertain: readonly StorageWrite[] | undefined;
    life.onDeath(() => {
      if (uncertain !== undefined && random.below(2) === 0) this.apply(uncertain);
    });
    return {
      load: (done) => {
        life.arrives(disk.latencyUs(), () => {
          if (this.isDamaged) {
            disk.countOf('quorum store found damaged');
            done(new Error('the quorum storage is damaged: a checksum does not match'));
          } else done(stateOf(this.stored));
        });
      },
      readPart: (id, part, done) => {
        life.arrives(disk.latencyUs(), () => {
          const content = storedPart(this.stored, id, part);
          const isDamaged = [...this.damagedSnapshots.keys()].some(({ parts }) => parts[0] === content);
          done(isDamaged ? new Error('the quorum storage is damaged: a part of a snapshot') : content);
        });
      },
      write: (writes, done) => {
        uncertain = writes;
        const latencyUs = disk.syncLatencyUs(`/data/${QUORUM_FOLDER}`);
        for (const write of writes)
          if (write.type === 'vote' && write.vote.votedFor >= 0)
            disk.voteBegins(life, write.vote.votedFor, latencyUs);
        life.arrives(latencyUs, () => {
          const error = this.failureOfWrite();
          if (error === undefined) {
            uncertain = undefined;
            this.apply(writes);
          }
          done(error);
        });
      },
      close: (done) => life.arrives(0, done),
    };
  }

  private apply(writes: readonly StorageWrite[]): void {
    applyWrites(this.stored, writes);
    if (writes.some(({ type }) => SNAPSHOT_WRITES.has(type))) this.snapshotWrites++;
  }

  private failureOfWrite(): DiskError | undefined {
    const { disk, failure } = this;
    if (failure !== undefined && failure.writesLeft > 0) {
      failure.writesLeft--;
      disk.countOf('quorum store write failed');
      return new DiskError(failure.code, `${QUORUM_FOLDER}: cannot be written`);
    }
    try {
      disk.checkSpace(QUORUM_FOLDER);
      return undefined;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return error;
    }
  }
}
