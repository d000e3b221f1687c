/**
 * A disk that tries again when the process or the system has no file descriptor left, after `makeRoom` has
 * closed a file. Every call that needs a descriptor of its own for a moment goes through this disk: small
 * files, folders, and the files of `OpenFiles`.
 */
import { type Disk, DiskError, type DiskFile, type DiskSpace } from '@millrace/base';

/** True if a file could not be opened because the process or the system has no descriptor left. */
export function isLackOfDescriptors(error: unknown): boolean {
  return error instanceof DiskError && (error.code === 'EMFILE' || error.code === 'ENFILE');
}

/** The error to report of two. A lost write counts more than a sync that could not start. */
export function worseOf(one: DiskError | undefined, other: DiskError | undefined): DiskError | undefined {
  if (one === undefined || (other !== undefined && isLackOfDescriptors(one))) return other;
  return one;
}

/** Sockets may take a descriptor that `makeRoom` has freed, so one more try may not be enough. */
const TRIES = 4;

export class RetryingDisk implements Disk {
  private readonly disk: Disk;
  /** Closes files. Returns false if it cannot close any. */
  private readonly makeRoom: () => boolean;

  constructor(disk: Disk, makeRoom: () => boolean) {
    this.disk = disk;
    this.makeRoom = makeRoom;
  }

  open(path: string): DiskFile {
    return this.retrying(() => this.disk.open(path));
  }

  exists(path: string): boolean {
    return this.disk.exists(path);
  }

  list(directory: string): string[] {
    return this.retrying(() => this.disk.list(directory));
  }

  makeDirectory(directory: string): boolean {
    return this.disk.makeDirectory(directory);
  }

  remove(path: string): void {
    this.retrying(() => this.disk.remove(path));
  }

  removeInBackground(path: string, done?: () => void): void {
    this.disk.removeInBackground(path, done);
  }

  rename(from: string, to: string): void {
    this.disk.rename(from, to);
  }

  readFile(path: string): Uint8Array | undefined {
    return this.retrying(() => this.disk.readFile(path));
  }

  writeFileAtomic(path: string, content: Uint8Array): void {
    this.retrying(() => this.disk.writeFileAtomic(path, content));
  }

  syncFolder(directory: string, done: (error?: DiskError) => void, triesLeft = TRIES): void {
    this.disk.syncFolder(directory, (error) => {
      if (!isLackOfDescriptors(error) || triesLeft <= 1 || !this.makeRoom()) {
        done(error);
        return;
      }
      try {
        this.syncFolder(directory, done, triesLeft - 1);
      } catch (failed) {
        if (!(failed instanceof DiskError)) throw failed;
        done(failed);
      }
    });
  }

  syncDirectory(directory: string): void {
    this.retrying(() => this.disk.syncDirectory(directory));
  }

  space(path: string): DiskSpace {
    return this.disk.space(path);
  }

  private retrying<T>(call: () => T): T {
    for (let triesLeft = TRIES; ; triesLeft--) {
      try {
        return call();
      } catch (error) {
        if (!isLackOfDescriptors(error) || triesLeft <= 1 || !this.makeRoom()) throw error;
      }
    }
  }
}
