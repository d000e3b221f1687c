/**
 * The file `has-gaps` in a log's folder says that the offsets of the log may have gaps: this broker compacted
 * the log, or copied batches of a compacted log. In any other log a gap means that batches are lost. A log
 * creates the file before its first gap. A sync that covers the gap also syncs the file and the folder.
 *
 * The file also stores the *committed end*: every gap lies below it, and every record of the log below it is
 * committed. A leader opens with a high watermark of at least this offset. Without the committed end, a
 * leader would begin after a crash with the older high watermark of the checkpoint. A follower refuses a gap
 * above the high watermark of its leader. So the follower could stay out of the ISR for ever, and the high
 * watermark could stand still.
 *
 * Kafka has no such file.
 */
import { type Disk, DiskError, type Offset } from '@millrace/base';
import { formatCheckpoint, parseCheckpoint, replaceFile } from './checkpoint-file.ts';
import type { Syncable } from './flusher.ts';
import { fileToSync } from './sync-files.ts';

export const HAS_GAPS_FILE = 'has-gaps';
/** As many digits as the names of log files have. */
const OFFSET_DIGITS = 20;

/** The committed end in the file; 0 if the file is missing, empty or damaged. May throw DiskError. */
export function readCommittedEnd(disk: Disk, directory: string): Offset {
  const bytes = disk.readFile(`${directory}/${HAS_GAPS_FILE}`);
  const [line = ''] = (bytes === undefined ? undefined : parseCheckpoint(bytes)) ?? [];
  const offset = Number(line);
  return /^\d+$/.test(line) && Number.isSafeInteger(offset) ? offset : 0;
}

/** Creates or replaces the file, and waits for the device. May throw DiskError. */
export function writeCommittedEnd(disk: Disk, directory: string, offset: Offset): void {
  disk.writeFileAtomic(`${directory}/${HAS_GAPS_FILE}`, contentOf(offset));
}

/**
 * Raises the committed end, without a sync. Writes in place, because a power loss may take a new file with
 * all of its content. In place it leaves the old offset or the new one: the file is shorter than a sector of
 * the device, and keeps its size. An earlier Millrace wrote shorter files: replaces such a file, and waits
 * for the device. May throw DiskError.
 */
function raiseCommittedEnd(disk: Disk, directory: string, offset: Offset): void {
  const path = `${directory}/${HAS_GAPS_FILE}`;
  const content = contentOf(offset);
  const known = disk.readFile(path);
  if (known === undefined) {
    replaceFile(disk, path, content);
    return;
  }
  if (known.length !== content.length) {
    writeCommittedEnd(disk, directory, offset);
    return;
  }
  const file = disk.open(path);
  try {
    file.write(0, [content]);
  } finally {
    file.close();
  }
}

/** The content has the same size for each offset. */
function contentOf(offset: Offset): Uint8Array {
  return formatCheckpoint([String(offset).padStart(OFFSET_DIGITS, '0')]);
}

/** The gaps of one open log, and their file. */
export class Gaps {
  /** The committed end; 0: the log has no gaps, or does not know its committed end. */
  committedEnd: Offset;
  /**
   * True if this run has not synced the file. An earlier run may have left the file in the page cache only.
   */
  private isUnsynced: boolean;
  private readonly disk: Disk;
  private readonly log: { readonly directory: string };
  private readonly segments: { mayHaveGaps: boolean };
  private readonly namesChanged: () => void;

  constructor(
    log: { readonly directory: string },
    o: { readonly disk: Disk; readonly segments: { mayHaveGaps: boolean }; readonly committedEnd: Offset },
    namesChanged: () => void,
  ) {
    this.log = log;
    this.disk = o.disk;
    this.segments = o.segments;
    this.committedEnd = o.committedEnd;
    // Recovery creates the file for each log that may have gaps.
    this.isUnsynced = o.segments.mayHaveGaps;
    this.namesChanged = namesChanged;
  }

  /**
   * Called before the log gets gaps that end at or below `committedEnd`. All records below `committedEnd` are
   * committed. Returns the error if the write of the file fails.
   */
  allow(committedEnd: Offset): DiskError | undefined {
    if (this.segments.mayHaveGaps && committedEnd <= this.committedEnd) return undefined;
    const end = Math.max(committedEnd, this.committedEnd);
    try {
      raiseCommittedEnd(this.disk, this.log.directory, end);
    } catch (error) {
      if (error instanceof DiskError) return error;
      throw error;
    }
    this.namesChanged();
    this.isUnsynced = true;
    this.segments.mayHaveGaps = true;
    this.committedEnd = end;
    return undefined;
  }

  /**
   * Called before the log is cut to end at this offset: later records above it may be uncommitted. Waits for
   * the device if the committed end is larger. May throw DiskError.
   */
  cut(endOffset: Offset): void {
    if (this.committedEnd <= endOffset) return;
    writeCommittedEnd(this.disk, this.log.directory, endOffset);
    this.committedEnd = endOffset;
  }

  /** What a sync of the log must sync, apart from the folder. */
  takeUnsynced(): Syncable[] {
    if (!this.isUnsynced) return [];
    this.isUnsynced = false;
    return [fileToSync(this.disk, `${this.log.directory}/${HAS_GAPS_FILE}`)];
  }
}
