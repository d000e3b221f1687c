/**
 * The file `sync-failed` in a log's folder says that a sync of this log failed. After a failed sync, the
 * operating system may keep pages in its page cache that it never writes to the device. The next sync
 * succeeds without them. So recovery must write the tail of the log again. A power loss also removes those
 * pages, and then recovery does not need this file. So the log does not sync this file.
 */
import { type Disk, DiskError, type DiskFile } from '@millrace/base';

export const FAILED_SYNC_FILE = 'sync-failed';
const CHUNK_BYTES = 1_048_576;

/** Does nothing if the disk accepts no new file. */
export function noteFailedSync(disk: Disk, directory: string): void {
  try {
    disk.open(`${directory}/${FAILED_SYNC_FILE}`).close();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
}

/**
 * Runs a work that waits for the device. If it fails, notes the failure, because a device reports a lost
 * write only once: the next sync would succeed without the lost bytes. May throw DiskError.
 */
export function notingFailedSync<T>(disk: Disk, directory: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof DiskError) noteFailedSync(disk, directory);
    throw error;
  }
}

/** Writes the bytes up to `to` again as they are, so that the next sync covers them. */
export function writeAgain(file: DiskFile, to: number, from = 0): void {
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, to - from));
  for (let position = from; position < to; position += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, to - position));
    file.read(position, part);
    file.write(position, [part]);
  }
}
