/**
 * Owns the open segment and index files of all logs of a node, the buffers for their reads, and the queue of
 * files to unlink. Keeps at most `openMax` files open, unless more are being synced: a file stays open while
 * it is synced. First closes the files that were not used lately (second-chance algorithm).
 */
import type { Disk, DiskError, DiskFile } from '@millrace/base';
import { SpareBuffers } from '@millrace/protocol';
import { OPEN_FILES_MAX } from '../limits.ts';
import { markDeleted, Unlinker } from './deleted-files.ts';

export class OpenFiles {
  private readonly open = new Set<FileHandle>();
  readonly disk: Disk;
  readonly spares: SpareBuffers;
  readonly unlinker: Unlinker;
  private readonly openMax: number;

  constructor(disk: Disk, o: { readonly openMax?: number; readonly spares?: SpareBuffers | undefined } = {}) {
    this.disk = disk;
    this.unlinker = new Unlinker(disk);
    this.openMax = o.openMax ?? OPEN_FILES_MAX;
    this.spares = o.spares ?? new SpareBuffers();
  }

  get openCount(): number {
    return this.open.size;
  }

  /** Returns a handle of the file. The handle opens the file when it is first used. */
  handle(path: string): FileHandle {
    return new FileHandle(this, path);
  }

  /** Called by FileHandle only. */
  reopen(handle: FileHandle): DiskFile {
    if (this.open.size >= this.openMax) this.closeOne();
    const file = this.disk.open(handle.path);
    this.open.add(handle);
    return file;
  }

  /** Called by FileHandle only. */
  forget(handle: FileHandle): void {
    this.open.delete(handle);
  }

  private closeOne(): void {
    for (let tries = this.open.size * 2; tries > 0; tries--) {
      const [oldest] = this.open;
      if (oldest === undefined) return;
      if (!oldest.used && !oldest.syncing) {
        oldest.close();
        return;
      }
      oldest.used = false;
      this.open.delete(oldest);
      this.open.add(oldest);
    }
  }
}

/** One file. OpenFiles may close it between two uses, so call `file()` each time. */
export class FileHandle {
  path: string;
  used = false;
  private current: DiskFile | undefined;
  private syncs = 0;
  private closeWhenSynced = false;
  private readonly owner: OpenFiles;

  constructor(owner: OpenFiles, path: string) {
    this.owner = owner;
    this.path = path;
  }

  get syncing(): boolean {
    return this.syncs > 0;
  }

  /** Returns the file, and opens it if needed. May throw DiskError. */
  file(): DiskFile {
    this.used = true;
    this.closeWhenSynced = false;
    this.current ??= this.owner.reopen(this);
    return this.current;
  }

  /** May throw DiskError; then it does not call `done`. Calls `done` in a later turn. */
  sync(done: (error?: DiskError) => void): void {
    this.file().sync((error) => {
      this.syncs--;
      if (this.syncs === 0 && this.closeWhenSynced) this.close();
      done(error);
    });
    this.syncs++;
  }

  /** Blocks until the sync is done. May throw DiskError. */
  syncNow(): void {
    this.file().syncNow();
  }

  close(): void {
    if (this.current === undefined) return;
    if (this.syncs > 0) {
      this.closeWhenSynced = true;
      return;
    }
    this.owner.forget(this);
    const file = this.current;
    this.current = undefined;
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
}
