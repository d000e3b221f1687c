/**
 * Checks that a log directory still has its meta.properties and accepts writes: creates a small file there
 * and removes it. An open file still works after its folder is gone, so the logs themselves may not notice.
 */
import { type Disk, DiskError } from '@millrace/base';
import { META_PROPERTIES } from './formats.ts';

export const PROBE_FILE = '.probe';

/**
 * `synced`: also syncs the file to the device. Calls `done` in this turn or later. A transient error (the
 * disk is full) does not count as an error.
 */
export function probeDirectory(
  disk: Disk,
  directory: string,
  { synced }: { readonly synced: boolean },
  done: (error?: DiskError) => void,
): void {
  const path = `${directory}/${PROBE_FILE}`;
  const failed = (error?: DiskError) => (error?.isTransient === true ? undefined : error);
  try {
    if (!disk.exists(`${directory}/${META_PROPERTIES}`))
      throw new DiskError('ENOENT', `${directory}/${META_PROPERTIES}: no such file`);
    const file = disk.open(path);
    try {
      file.write(0, [new Uint8Array([0x0a])]);
      // The sync calls back in a later turn. By then `removed`, declared below, has its value.
      if (synced) file.sync((error) => done(failed(error ?? removed)));
    } finally {
      file.close();
    }
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    done(failed(error));
    return;
  }
  const removed = remove(disk, path);
  if (!synced) done(failed(removed));
}

function remove(disk: Disk, path: string): DiskError | undefined {
  try {
    disk.remove(path);
    return undefined;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return error;
  }
}
