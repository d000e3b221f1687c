/**
 * Whether a log directory still takes what is written: makes a small file there and removes it again. A file
 * that is open goes on working when its folder is gone, so the logs themselves may not tell.
 */
import { type Disk, DiskError } from '@millrace/base';
import { META_PROPERTIES } from './directory-files.ts';

export const PROBE_FILE = '.probe';

/**
 * `synced`: it has to get to the device, too. `done` is called in this turn or later; a transient error (the
 * disk is full) is none.
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
      // It ends in a later turn, and nothing after this line throws before it has been asked for.
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
