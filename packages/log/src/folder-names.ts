/**
 * Which names of a partition's folder are not yet durable. A file that is on the device is still lost with
 * the power when its name is not: the folder has to be synced after it changed, and its parent once, for the
 * folder's own name.
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

  /** A file of the folder was made, removed or renamed. */
  changed(): void {
    this.unsynced = true;
  }

  /**
   * The folders to sync so that every name of now is durable. If that fails the log cannot be used, so
   * nothing is asked for twice.
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
