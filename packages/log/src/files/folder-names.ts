/**
 * Tracks whether the names in a partition's folder are on the device. A power loss removes even a synced file
 * if its name is not on the device. So a flush must sync the folder if the names in it changed. It must also
 * sync the parent folder once, for the folder's own name.
 */
import { type Disk, DiskError } from '@millrace/base';
import { type Syncable, whenSynced } from './flusher.ts';
import { isLackOfDescriptors } from './retrying-disk.ts';

export class FolderNames {
  private readonly disk: Disk;
  private readonly directory: string;
  private unsynced = true;
  private folderUnsynced = true;
  /** True if a power loss may undo changes of names that a cut made, in this run or in an earlier one. */
  private isCutUnsynced: boolean;
  private cuts = 0;
  private readonly failed: (error: DiskError) => void;

  /**
   * `failed`: called when a sync that `settleCut` waits for fails, unless it could not start for lack of a
   * descriptor.
   */
  constructor(
    disk: Disk,
    directory: string,
    o: { readonly hasUnsyncedCut: boolean; readonly failed: (error: DiskError) => void },
  ) {
    this.disk = disk;
    this.directory = directory;
    this.isCutUnsynced = o.hasUnsyncedCut;
    this.failed = o.failed;
  }

  get hasUnsyncedCut(): boolean {
    return this.isCutUnsynced;
  }

  /** Called before a cut changes names; see ../cut.ts. */
  cut(): void {
    this.changed();
    this.cuts++;
    this.isCutUnsynced = true;
  }

  /** Waits until the device has the names that the last cut left, unless it has them. May throw DiskError. */
  settleCut(): void {
    if (!this.isCutUnsynced) return;
    try {
      this.disk.syncDirectory(this.directory);
    } catch (error) {
      if (error instanceof DiskError && !isLackOfDescriptors(error)) this.failed(error);
      throw error;
    }
    this.isCutUnsynced = false;
  }

  /**
   * Called when a file of the folder is, or may be, created, removed or renamed. The next flush syncs the
   * folder.
   */
  changed(): void {
    this.unsynced = true;
  }

  /**
   * The folders to sync so that every current name is durable. Returns each change only once, because the log
   * goes offline if the sync fails.
   */
  takeUnsynced(): Syncable[] {
    const folders: Syncable[] = [];
    if (this.unsynced) folders.push(this.ownFolder());
    if (this.folderUnsynced)
      folders.push(this.folder(this.directory.slice(0, this.directory.lastIndexOf('/'))));
    this.unsynced = false;
    this.folderUnsynced = false;
    return folders;
  }

  private ownFolder(): Syncable {
    const { cuts } = this;
    const synced = (): void => {
      // A cut that came during the sync waits for the next one.
      if (this.cuts === cuts) this.isCutUnsynced = false;
    };
    return whenSynced(this.folder(this.directory), synced);
  }

  private folder(directory: string): Syncable {
    const { disk } = this;
    return {
      sync: (done) => disk.syncFolder(directory, done),
      syncNow: () => disk.syncDirectory(directory),
    };
  }
}
