/**
 * The store of a controller (RaftStorage). It writes atomic batches, and each batch is durable before the
 * store answers, as LevelDB promises with sync. A batch that is on its way when the process dies may exist
 * afterwards or not: a power loss tears the tail of LevelDB's log, and LevelDB drops a torn batch. The same
 * holds for a batch whose write or sync failed. Everything that a process loads is durable, because LevelDB
 * syncs what it recovers from its log.
 */
import { DiskError } from '@millrace/base';
import type { RaftStorage, StorageWrite } from '@millrace/raft';
import { applyWrites, emptyStored, type Stored, stateOf, storedPart } from '@millrace/raft/testing';
import type { Life } from '../world/index.ts';
import type { SimDisk } from './disk.ts';

export const QUORUM_FOLDER = 'metadata-quorum';

export class QuorumStore {
  /** A stored record is corrupt. The store cannot be loaded until the run replaces it. */
  isDamaged = false;
  private stored: Stored = emptyStored();
  private readonly disk: SimDisk;
  private failure: { readonly code: string; writesLeft: number } | undefined;

  constructor(disk: SimDisk) {
    this.disk = disk;
  }

  /** Replaces the store by an empty one. */
  wipe(): void {
    this.stored = emptyStored();
    this.isDamaged = false;
    this.failure = undefined;
  }

  /** The next `writes` batches fail with this error, at their write or their sync. */
  failWrites(code: string, writes = 1): void {
    this.failure = { code, writesLeft: writes };
  }

  disarm(): void {
    this.failure = undefined;
  }

  /**
   * Makes a stored record unreadable. A running process does not notice it, because it has all records in
   * memory.
   */
  damage(): void {
    this.isDamaged = true;
  }

  open(life: Life): RaftStorage {
    const { disk } = this;
    const random = life.random.fork('quorum-store');
    /** The batch on its way to the device, or the one that failed. */
    let uncertain: readonly StorageWrite[] | undefined;
    life.onDeath(() => {
      if (uncertain !== undefined && random.below(2) === 0) applyWrites(this.stored, uncertain);
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
        life.arrives(disk.latencyUs(), () => done(storedPart(this.stored, id, part)));
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
            applyWrites(this.stored, writes);
          }
          done(error);
        });
      },
      close: (done) => life.arrives(0, done),
    };
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
