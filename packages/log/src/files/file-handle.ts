/**
 * One file of a log: a segment or an index. `OpenFiles` may close the file between two calls, and the next
 * call opens it again. So the caller may keep the handle for as long as it likes.
 *
 * Knows whether the device may lack what this process, or an earlier one, wrote to the file (`isDirty`). A
 * sync covers the writes before its start.
 */
import type { DiskError, DiskFile, WallMillis } from '@millrace/base';
import { markDeleted } from './deleted-files.ts';
import type { OpenFiles } from './open-files.ts';

export class FileHandle implements DiskFile {
  path: string;
  /** True if the file was used since `OpenFiles` looked at it last. */
  used = false;
  private current: DiskFile | undefined;
  /** Number of writes and truncations. */
  private writes = 0;
  /** The device has the first this many writes, or their loss is noted. */
  private settledWrites = 0;
  private syncs = 0;
  private closeWhenSynced = false;
  private waiting: (() => void)[] = [];
  private readonly owner: OpenFiles;

  constructor(owner: OpenFiles, path: string) {
    this.owner = owner;
    this.path = path;
  }

  get isSyncing(): boolean {
    return this.syncs > 0;
  }

  /** True if the device may lack a write. */
  get isDirty(): boolean {
    return this.settledWrites < this.writes;
  }

  /** The device may lack what an earlier process wrote. Called before the file is opened. */
  foundUnsynced(): void {
    this.writes++;
  }

  /** Opens the file if it is not open, and creates it if it is missing. May throw DiskError. */
  file(): DiskFile {
    this.opened();
    return this;
  }

  size(): number {
    return this.opened().size();
  }

  modifiedMs(): WallMillis {
    return this.opened().modifiedMs();
  }

  read(position: number, target: Uint8Array): number {
    return this.opened().read(position, target);
  }

  write(position: number, chunks: readonly Uint8Array[]): void {
    this.changing().write(position, chunks);
  }

  truncate(size: number): void {
    this.changing().truncate(size);
  }

  /** May throw DiskError; then it does not call `done`. Calls `done` in a later turn. */
  sync(done: (error?: DiskError) => void): void {
    const covered = this.writes;
    this.opened().sync((error) => {
      this.syncs--;
      // The caller notes a failed sync. Until then, nobody may take the file for clean.
      if (error === undefined) this.settledWrites = Math.max(this.settledWrites, covered);
      if (this.syncs === 0 && this.closeWhenSynced) this.close();
      else this.owner.sort(this);
      done(error);
      if (this.syncs === 0) for (const waiting of this.waiting.splice(0)) waiting();
    });
    this.syncs++;
    this.owner.sort(this);
  }

  /** Calls `done` when no sync runs, and the result of the last one is known: at once, or in a later turn. */
  whenSynced(done: () => void): void {
    if (this.syncs === 0) done();
    else this.waiting.push(done);
  }

  /** Blocks until the sync is done. May throw DiskError. */
  syncNow(): void {
    this.opened().syncNow();
    this.settle();
  }

  /** The device has every write, or the loss of a write is noted. */
  settle(): void {
    this.settledWrites = this.writes;
    if (this.current !== undefined) this.owner.sort(this);
  }

  /** Closes the file when no sync of it runs. Does not sync it first. */
  close(): void {
    if (this.current === undefined) return;
    if (this.syncs > 0) {
      this.closeWhenSynced = true;
      return;
    }
    const file = this.current;
    this.current = undefined;
    this.owner.forget(this);
    file.close();
  }

  /**
   * Closes the file and marks it for a later removal. A running sync still covers it. Returns its new path,
   * or undefined if there is no such file. May throw DiskError.
   */
  markDeleted(): string | undefined {
    this.close();
    return markDeleted(this.owner.disk, this.path);
  }

  /** Renames the file, open or not. May throw DiskError. */
  rename(path: string): void {
    this.owner.disk.rename(this.path, path);
    this.path = path;
  }

  /** Closes and removes the file. */
  remove(): void {
    this.close();
    this.owner.disk.remove(this.path);
  }

  private opened(): DiskFile {
    this.used = true;
    this.closeWhenSynced = false;
    if (this.current === undefined) {
      this.current = this.owner.open(this);
      this.owner.sort(this);
    }
    return this.current;
  }

  /** Counts the change before it happens: a write that fails may have written a part. */
  private changing(): DiskFile {
    this.opened();
    const wasDirty = this.isDirty;
    this.writes++;
    if (!wasDirty) this.owner.becameDirty(this);
    // To note a lost write of another file, the call above may have closed this one.
    return this.opened();
  }
}

/** Calls `done` when no sync of these files runs, and the results are known: at once, or in a later turn. */
export function afterSyncsOf(files: readonly FileHandle[], done: () => void): void {
  const syncing = files.find(({ isSyncing }) => isSyncing);
  if (syncing === undefined) done();
  else syncing.whenSynced(() => afterSyncsOf(files, done));
}
