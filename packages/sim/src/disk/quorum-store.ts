/**
 * The controllers' store (RaftStorage): atomic batches, each durable before its answer, as LevelDB promises
 * with sync. A batch on its way at the death of the process may exist afterwards or not.
 */
import { DiskError } from '@millrace/base';
import type { RaftStorage, StorageWrite } from '@millrace/raft';
import { applyWrites, emptyStored, type Stored } from '@millrace/raft/testing';
import type { Life } from '../world/index.ts';
import type { SimDisk } from './disk.ts';

export class QuorumStore {
  private stored: Stored = emptyStored();
  private readonly disk: SimDisk;

  constructor(disk: SimDisk) {
    this.disk = disk;
  }

  wipe(): void {
    this.stored = emptyStored();
  }

  open(life: Life): RaftStorage {
    const { disk } = this;
    const random = life.random.fork('quorum-store');
    let inFlight: readonly StorageWrite[] | undefined;
    life.onDeath(() => {
      if (inFlight !== undefined && random.below(2) === 0) applyWrites(this.stored, inFlight);
    });
    return {
      load: (done) => {
        life.arrives(disk.latencyUs(), () => done({ ...this.stored, batches: [...this.stored.batches] }));
      },
      write: (writes, done) => {
        inFlight = writes;
        const latencyUs = disk.latencyUs();
        for (const write of writes)
          if (write.type === 'vote' && write.vote.votedFor >= 0)
            disk.voteBegins(life, write.vote.votedFor, latencyUs);
        life.arrives(latencyUs, () => {
          inFlight = undefined;
          try {
            disk.checkSpace('metadata-quorum');
          } catch (error) {
            if (!(error instanceof DiskError)) throw error;
            done(error);
            return;
          }
          applyWrites(this.stored, writes);
          done();
        });
      },
      close: (done) => life.arrives(0, done),
    };
  }
}
