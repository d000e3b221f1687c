/**
 * Owns the open segment and index files of all logs of a node, the buffers for their reads, the bound of
 * their read hints, and the queue of files to unlink.
 *
 * Invariants:
 * - At most `openMax` files are open, unless more are being synced: a file stays open while it is synced.
 * - OpenFiles closes the file that was not used for longest, of those whose writes are on the device
 *   (second-chance algorithm). A file that the device may lack writes of never keeps another file open.
 * - OpenFiles syncs a file before it closes the file, if the device may lack a write. The kernel reports a
 *   lost write to an open descriptor, but may forget it when no descriptor is open.
 * - If such a sync fails, the log of the file learns of it as of any other failed sync: see `LostWrites`.
 * - If the process or the system has no descriptor left, OpenFiles closes some files and tries again.
 */
import { type Disk, DiskError, type DiskFile } from '@millrace/base';
import { SpareBuffers } from '@millrace/protocol';
import { OPEN_FILES_MAX, SYNCS_IN_BACKGROUND_MAX } from '../limits.ts';
import { Unlinker } from './deleted-files.ts';
import { FileHandle } from './file-handle.ts';
import { HintBudget } from './hint-budget.ts';
import { LostWrites } from './lost-writes.ts';
import { isLackOfDescriptors, RetryingDisk } from './retrying-disk.ts';

/** After a lack of descriptors, this many files are closed at once, because the next opening follows soon. */
const CLOSED_FOR_LACK = 8;

export interface OpenFilesOptions {
  /** Default: OPEN_FILES_MAX. */
  readonly openFilesMax?: number | undefined;
  readonly spares?: SpareBuffers | undefined;
  /** Calls back in a later turn. Default: at once. */
  readonly soon?: ((callback: () => void) => void) | undefined;
}

export class OpenFiles {
  /** Opens a file even when descriptors are used up, if one of these files can be closed. */
  readonly disk: Disk;
  readonly spares: SpareBuffers;
  readonly unlinker: Unlinker;
  readonly hints = new HintBudget();
  readonly lostWrites: LostWrites;
  readonly openMax: number;
  /** Number of files that could not be opened because descriptors were used up. */
  refusedOpens = 0;
  /** The open files, in three groups. In each group, the file that entered it first comes first. */
  private readonly idle = new Set<FileHandle>();
  private readonly dirty = new Set<FileHandle>();
  private readonly syncing = new Set<FileHandle>();
  private readonly evicted: (() => void)[] = [];
  private backgroundSyncs = 0;
  private backgroundSyncsMax = SYNCS_IN_BACKGROUND_MAX;

  constructor(disk: Disk, { openFilesMax = OPEN_FILES_MAX, spares, soon }: OpenFilesOptions = {}) {
    this.disk = new RetryingDisk(disk, () => this.closeForLack());
    this.unlinker = new Unlinker(disk);
    this.lostWrites = new LostWrites(this.disk, soon ?? ((callback) => callback()));
    this.openMax = openFilesMax;
    this.spares = spares ?? new SpareBuffers();
  }

  get openCount(): number {
    return this.idle.size + this.dirty.size + this.syncing.size;
  }

  /** `listener` is called each time that a file is closed to open another one. */
  onEvicted(listener: () => void): void {
    this.evicted.push(listener);
  }

  /** Returns a handle of the file. The handle opens the file when it is first used. */
  handle(path: string): FileHandle {
    return new FileHandle(this, path);
  }

  /** Called by FileHandle only. */
  open(handle: FileHandle): DiskFile {
    while (this.openCount >= this.openMax && this.closeOne());
    try {
      return this.disk.open(handle.path);
    } catch (error) {
      if (isLackOfDescriptors(error)) this.refusedOpens++;
      throw error;
    }
  }

  /** Called by FileHandle only: the file is open, and may belong to another group now. */
  sort(handle: FileHandle): void {
    const group = handle.isSyncing ? this.syncing : handle.isDirty ? this.dirty : this.idle;
    for (const other of [this.idle, this.dirty, this.syncing]) if (other !== group) other.delete(handle);
    group.add(handle);
  }

  /** Called by FileHandle only: the file was clean, and is about to change. */
  becameDirty(handle: FileHandle): void {
    this.sort(handle);
    this.syncInBackground();
  }

  /** Called by FileHandle only. */
  forget(handle: FileHandle): void {
    for (const group of [this.idle, this.dirty, this.syncing]) group.delete(handle);
  }

  /** Called before a clean stop, which waits for the syncs that run: no further one begins by itself. */
  endBackgroundSyncs(): void {
    this.backgroundSyncsMax = 0;
  }

  /** Closes the file that was not used for longest. False: every open file is being synced. */
  private closeOne(): boolean {
    const isClosed = this.closeIdle() || this.closeDirty();
    if (isClosed) this.tellEvicted();
    return isClosed;
  }

  private closeIdle(): boolean {
    for (let tries = this.idle.size * 2; tries > 0; tries--) {
      const [oldest] = this.idle;
      if (oldest === undefined) return false;
      if (!oldest.used) {
        oldest.close();
        return true;
      }
      oldest.used = false;
      this.idle.delete(oldest);
      this.idle.add(oldest);
    }
    return false;
  }

  /** Waits for the device. `syncInBackground` makes this rare. */
  private closeDirty(): boolean {
    const [oldest] = this.dirty;
    if (oldest === undefined) return false;
    let lost: DiskError | undefined;
    try {
      oldest.syncNow();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      lost = error;
      oldest.settle();
    }
    // Close the file first, because noting the loss needs a descriptor.
    oldest.close();
    if (lost !== undefined) this.lostWrites.found(oldest.path, lost);
    return true;
  }

  /** Called when descriptors are used up. Returns whether it closed a file. */
  private closeForLack(): boolean {
    let closed = 0;
    while (closed < CLOSED_FOR_LACK && this.closeIdle()) closed++;
    if (closed === 0 && this.closeDirty()) closed++;
    for (let count = 0; count < closed; count++) this.tellEvicted();
    return closed > 0;
  }

  private tellEvicted(): void {
    for (const listener of this.evicted) listener();
  }

  /** While more than half of the files that may be open are dirty, syncs the oldest of them. */
  private syncInBackground(): void {
    if (this.dirty.size <= Math.max(1, this.openMax / 2) || this.backgroundSyncs >= this.backgroundSyncsMax)
      return;
    const [oldest] = this.dirty;
    const file = oldest!;
    const { path } = file;
    this.backgroundSyncs++;
    try {
      file.sync((error) => {
        this.backgroundSyncs--;
        if (error !== undefined) {
          this.lostWrites.foundInTurn(path, error);
          file.settle();
        }
        this.syncInBackground();
      });
    } catch (error) {
      this.backgroundSyncs--;
      if (!(error instanceof DiskError)) throw error;
      // The sync did not start, so the device has reported nothing. The file stays dirty.
      if (isLackOfDescriptors(error)) return;
      this.lostWrites.found(path, error);
      file.settle();
    }
  }
}
