/**
 * Which names of a partition's folder are not yet durable. A file that is on the device is still lost with the power when
 * its name is not: the folder has to be synced after it changed, and its parent once, for the folder's own name.
 */
import type { Disk } from '@millrace/base';

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

  /** Every name is durable when this returns. May throw DiskError. */
  sync(): void {
    if (this.unsynced) this.disk.syncDirectory(this.directory);
    this.unsynced = false;
    if (this.folderUnsynced)
      this.disk.syncDirectory(this.directory.slice(0, this.directory.lastIndexOf('/')));
    this.folderUnsynced = false;
  }
}
