/**
 * Syncs small files, and their names in the folder, to the device. The owner of such a file replaces it as a
 * whole.
 */
import type { Disk, DiskError, DiskFile } from '@millrace/base';
import type { Syncable } from './flusher.ts';
import { worseOf } from './retrying-disk.ts';

/** The file at this path. Its owner replaces it with each write, so the caller must sync the folder, too. */
export function fileToSync(disk: Disk, path: string): Syncable {
  const using = (work: (file: DiskFile) => void): void => {
    const file = disk.open(path);
    try {
      work(file);
    } finally {
      file.close();
    }
  };
  return { sync: (done) => using((file) => file.sync(done)), syncNow: () => using((file) => file.syncNow()) };
}

/**
 * Calls `done` once, in a later turn, with the first error if there was one. A lost write counts more than a
 * lack of descriptors. May throw DiskError; then it does not call `done`.
 */
export function syncFiles(
  disk: Disk,
  directory: string,
  names: readonly string[],
  done: (error?: DiskError) => void,
): void {
  let left = names.length + 1;
  let failed: DiskError | undefined;
  const synced = (error?: DiskError) => {
    failed = worseOf(failed, error);
    left--;
    if (left === 0) done(failed);
  };
  const files: DiskFile[] = [];
  try {
    for (const name of names) files.push(disk.open(`${directory}/${name}`));
    for (const file of files) file.sync(synced);
  } finally {
    for (const file of files) file.close();
  }
  disk.syncFolder(directory, synced);
}
