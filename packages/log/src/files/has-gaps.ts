/**
 * The file `has-gaps` in a log's folder says that the offsets of the log may have gaps: this broker compacted
 * the log, or copied batches of a compacted log. In any other log a gap means that batches are lost. A log
 * creates the file before its first gap. A sync that covers the gap also syncs the folder, and with it the
 * name of this file. The file is not Kafka's, and is empty.
 */
import type { Disk } from '@millrace/base';

export const HAS_GAPS_FILE = 'has-gaps';

/** May throw DiskError. */
export function noteGaps(disk: Disk, directory: string): void {
  disk.open(`${directory}/${HAS_GAPS_FILE}`).close();
}
