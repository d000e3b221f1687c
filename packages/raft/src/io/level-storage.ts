import type { RaftStorage, StorageWrite, StoredState } from '../storage.ts';

export class LevelStorage implements RaftStorage {
  constructor(_directory: string) {}

  load(_done: (state: StoredState | Error) => void): void {}

  write(_writes: readonly StorageWrite[], _done: (error?: Error) => void): void {}

  close(done: () => void): void {
    done();
  }
}
