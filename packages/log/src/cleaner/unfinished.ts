/**
 * Removes segments that the cleaner did not finish. None may stay beside a later swap. Recovery treats each
 * swap at or above the offset of a `.cleaned` log file as incomplete, and removes its files. These may be the
 * only copy of their records. A removal renames the files, because a rename is quick, and the swap's sync of
 * the folder covers it. The broker unlinks the files in the background.
 */
import { DiskError } from '@millrace/base';
import { markDeleted } from '../files/deleted-files.ts';
import { CLEANED_SUFFIX } from '../files/file-names.ts';
import type { OpenFiles } from '../files/open-files.ts';
import type { Segment } from '../segment/segment.ts';

/** May throw DiskError. */
export function discardSegment({ unlinker }: OpenFiles, cleaned: Segment): void {
  unlinker.unlink(cleaned.markDeleted());
}

/**
 * Like `discardSegment`, but throws no DiskError. After an error, the log file stays until `removeLeftovers`
 * or recovery removes it.
 */
export function tryDiscard(files: OpenFiles, cleaned: Segment): void {
  try {
    discardSegment(files, cleaned);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
}

/**
 * Removes what earlier cleanings could not remove, before a cleaning begins. Returns the error if that fails.
 */
export function removeLeftovers({ disk, unlinker }: OpenFiles, directory: string): DiskError | undefined {
  try {
    for (const name of disk.list(directory)) {
      if (!name.endsWith(CLEANED_SUFFIX)) continue;
      const marked = markDeleted(disk, `${directory}/${name}`);
      if (marked !== undefined) unlinker.unlink([marked]);
    }
  } catch (error) {
    if (error instanceof DiskError) return error;
    throw error;
  }
  return undefined;
}
