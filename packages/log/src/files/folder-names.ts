/**
 * Tracks whether the names in a partition's folder are on the device. A power loss removes even a synced file
 * if its name is not on the device. So a flush must sync the folder if the names in it changed. It must also
 * sync the parent folder once, for the folder's own name.
 */
import type { Disk } from '@millrace/base';
import type { Syncable } from './flusher.ts';

export class FolderNames {
  private readonly disk: Disk;
  private readonly directory: string;
  private unsynced = true;
  private folderUnsynced = true;

  constructor(disk: Disk, directory: string) {
    this.disk = disk;
    this.directory = directory;
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
    if (this.unsynced) folders.push(this.folder(this.directory));
    if (this.folderUnsynced)
      folders.push(this.folder(this.directory.slice(0, this.directory.lastIndexOf('/'))));
    this.unsynced = false;
    this.folderUnsynced = false;
    return folders;
  }

  private folder(directory: string): Syncable {
    const { disk } = this;
    return {
      sync: (done) => disk.syncFolder(directory, done),
      syncNow: () => disk.syncDirectory(directory),
    };
  }
}
