/**
 * Files of removed segments. The broker first adds the suffix `.deleted` to the name of a file, because a
 * rename is quick. It unlinks the file later, in the background, because unlinking gigabytes takes long.
 * Recovery removes every file with the suffix.
 */
import { type Disk, DiskError } from '@millrace/base';

const DELETED_SUFFIX = '.deleted';

/**
 * Renames the file. Replaces a file that an earlier removal left under the new name. Returns the new path, or
 * undefined if there is no such file. May throw DiskError.
 */
export function markDeleted(disk: Disk, path: string): string | undefined {
  const marked = path + DELETED_SUFFIX;
  try {
    disk.rename(path, marked);
  } catch (error) {
    if (error instanceof DiskError && error.code === 'ENOENT') return undefined;
    throw error;
  }
  return marked;
}

/** Runs a removal. If it throws DiskError, the file stays, and does no harm. */
export function ignoringDiskErrors(removal: () => void): void {
  try {
    removal();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
}

/** Unlinks files in the background, one at a time, because the same few threads also run the syncs. */
export class Unlinker {
  private readonly disk: Disk;
  private readonly waiting: string[] = [];
  private isBusy = false;

  constructor(disk: Disk) {
    this.disk = disk;
  }

  /** Number of files that wait. */
  get size(): number {
    return this.waiting.length;
  }

  /** Adds the files to the queue. Ignores a file that no longer exists. */
  unlink(paths: readonly string[]): void {
    this.waiting.push(...paths);
    if (!this.isBusy) this.next();
  }

  private next(): void {
    const path = this.waiting.shift();
    this.isBusy = path !== undefined;
    if (path !== undefined) this.disk.removeInBackground(path, () => this.next());
  }
}
