/** Syncs replaced files, and their names, to the device without blocking. */
import type { Disk, DiskError } from '@millrace/base';

/**
 * Calls `done` once, in a later turn, with the first error. May throw DiskError; then it does not call
 * `done`.
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
    failed ??= error;
    left--;
    if (left === 0) done(failed);
  };
  const files = names.map((name) => disk.open(`${directory}/${name}`));
  for (const file of files) {
    file.sync(synced);
    file.close();
  }
  disk.syncFolder(directory, synced);
}
