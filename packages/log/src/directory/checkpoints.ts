/**
 * Owns the four checkpoint files of a log directory, in Kafka's formats: high watermarks, recovery points,
 * log start offsets, and ends of the clean parts of the partitions in the directory. Reads the files when the
 * broker starts. After that, writes each file when its content changed. Replaces the files without fsync,
 * because every reader works without them. Two kinds of changes wait for the device. The entries of a deleted
 * folder must be gone before the folder exists again. Before a log writes below its recovery point, log start
 * offset or end of the clean part, that entry must be lowered. Otherwise, after a crash, recovery would not
 * check the new records, for example, or the cleaner would treat them as clean.
 */
import { assert, type Disk, DiskError, type Logger, type Offset } from '@millrace/base';
import { replaceFile } from '../files/checkpoint-file.ts';
import { partitionFolderName, partitionOfFolderName } from '../files/file-names.ts';
import { fileToSync, syncFiles } from '../files/sync-files.ts';
import {
  CLEANED_OFFSETS_FILE,
  formatOffsets,
  HIGH_WATERMARKS_FILE,
  type PartitionOffset,
  parseOffsets,
  RECOVERY_POINTS_FILE,
  START_OFFSETS_FILE,
} from './formats.ts';

const FILES = [HIGH_WATERMARKS_FILE, RECOVERY_POINTS_FILE, START_OFFSETS_FILE, CLEANED_OFFSETS_FILE];

/** Replaces one of the files. May throw DiskError. */
type Replace = (file: string, content: Uint8Array) => void;

interface OpenPartition {
  readonly topic: string;
  readonly partition: number;
  readonly log: {
    readonly recoveryPoint: Offset;
    readonly startOffset: Offset;
    readonly activeBaseOffset: Offset;
    readonly cleanedTo?: Offset | undefined;
  };
}

export interface CheckpointOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logger: Logger;
  /** The open logs, by the names of their folders. */
  readonly open: ReadonlyMap<string, OpenPartition>;
}

export class Checkpoints {
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly logger: Logger;
  private readonly open: ReadonlyMap<string, OpenPartition>;
  /** The high watermarks in their file, as read at start or written last, without logs deleted since then. */
  private highWatermarks: Map<string, Offset>;
  /**
   * The recovery points in their file when this broker started, without logs deleted since then. `lowered`
   * may lower an entry.
   */
  private readonly recoveryPoints: Map<string, Offset>;
  private readonly startOffsets: Map<string, Offset>;
  private readonly cleanedOffsets: Map<string, Offset>;
  /**
   * For each folder, the largest recovery point that the file on the device may hold. Each write since the
   * last sync may have reached the device.
   */
  private readonly pointsOnDevice: Map<string, Offset>;
  /** For each folder, the largest log start offset that the file on the device may hold. */
  private readonly startsOnDevice: Map<string, Offset>;
  /** The same for the ends of clean parts. */
  private readonly cleanedOnDevice: Map<string, Offset>;
  /** True if some log was cleaned, now or in an earlier run. Then the file exists. */
  private hasCleanedFile: boolean;
  /** The last written content of each file, so that only changes are written. */
  private readonly written = new Map<string, string>();
  /**
   * Deleted folders that the files on the device may still list. The value is the number of the deletion,
   * counted from the start of this run.
   */
  private readonly unforgotten = new Map<string, number>();
  private deletions = 0;
  private isForgetting = false;
  private isClosed = false;

  /** Reads the files. May throw DiskError. */
  constructor(o: CheckpointOptions) {
    this.disk = o.disk;
    this.directory = o.directory;
    this.logger = o.logger;
    this.open = o.open;
    // This process relies on the files, but an earlier, killed process may have left them only in the page
    // cache. A power loss would then restore older files with entries of deleted folders, and those folders
    // may exist again.
    this.sync();
    this.highWatermarks = this.read(HIGH_WATERMARKS_FILE);
    this.recoveryPoints = this.read(RECOVERY_POINTS_FILE);
    this.startOffsets = this.read(START_OFFSETS_FILE);
    this.hasCleanedFile = o.disk.exists(`${o.directory}/${CLEANED_OFFSETS_FILE}`);
    this.cleanedOffsets = this.read(CLEANED_OFFSETS_FILE);
    this.cleanedOnDevice = new Map(this.cleanedOffsets);
    this.pointsOnDevice = new Map(this.recoveryPoints);
    this.startsOnDevice = new Map(this.startOffsets);
  }

  /** The high watermark in replication-offset-checkpoint, as read at start or written last. */
  highWatermark(folder: string): Offset | undefined {
    return this.highWatermarks.get(folder);
  }

  /** The recovery point in the file when this broker started, or the lower one that `lowered` set later. */
  recoveryPoint(folder: string): Offset | undefined {
    return this.recoveryPoints.get(folder);
  }

  /** The log start offset in the file when this broker started. */
  startOffset(folder: string): Offset | undefined {
    return this.startOffsets.get(folder);
  }

  /** The end of the clean part in the file when this broker started, or the lower one that `lowered` set. */
  cleanedTo(folder: string): Offset | undefined {
    return this.cleanedOffsets.get(folder);
  }

  /**
   * Writes the files whose content changed. An empty list leaves the high watermarks in the file as they are,
   * because a broker that starts hosts no partition yet. Writes recovery points and start offsets even if the
   * write of the high watermarks fails. May throw DiskError.
   */
  write(highWatermarks: readonly PartitionOffset[]): void {
    try {
      if (highWatermarks.length > 0) this.writeHighWatermarks(highWatermarks);
    } finally {
      this.writeOffsetsOfLogs();
    }
  }

  /** A log that is opening, or that cannot be opened now, keeps its high watermark. */
  private writeHighWatermarks(list: readonly PartitionOffset[]): void {
    const all = [...list, ...this.ofUnopened(this.highWatermarks)];
    this.writeIfChanged(HIGH_WATERMARKS_FILE, formatOffsets(all));
    this.highWatermarks = new Map(
      all.map(({ topic, partition, offset }) => [partitionFolderName(topic, partition), offset]),
    );
  }

  /** Writes recovery points, log start offsets and clean parts, if they changed. May throw DiskError. */
  writeOffsetsOfLogs(replace: Replace = this.replace): void {
    const points: PartitionOffset[] = [];
    const starts: PartitionOffset[] = [];
    const cleaned: PartitionOffset[] = [];
    for (const [folder, { topic, partition, log }] of this.open) {
      const offset = this.pointToWrite(folder, log);
      points.push({ topic, partition, offset });
      this.pointsOnDevice.set(folder, Math.max(offset, this.pointsOnDevice.get(folder) ?? 0));
      if (log.startOffset > 0) starts.push({ topic, partition, offset: log.startOffset });
      this.startsOnDevice.set(folder, Math.max(log.startOffset, this.startsOnDevice.get(folder) ?? 0));
      if (log.cleanedTo === undefined) continue;
      cleaned.push({ topic, partition, offset: log.cleanedTo });
      this.cleanedOnDevice.set(folder, Math.max(log.cleanedTo, this.cleanedOnDevice.get(folder) ?? 0));
    }
    points.push(...this.ofUnopened(this.recoveryPoints));
    starts.push(...this.ofUnopened(this.startOffsets));
    cleaned.push(...this.ofUnopened(this.cleanedOffsets));
    this.writeIfChanged(RECOVERY_POINTS_FILE, formatOffsets(points), replace);
    this.writeIfChanged(START_OFFSETS_FILE, formatOffsets(starts), replace);
    this.hasCleanedFile ||= cleaned.length > 0;
    if (this.hasCleanedFile) this.writeIfChanged(CLEANED_OFFSETS_FILE, formatOffsets(cleaned), replace);
  }

  /**
   * Makes sure that the files on the device hold no larger offsets for the folder than these:
   * `recoveryPoint`, and the log start offset and the end of the clean part of the open log. Waits for the
   * device if a file may hold a larger one. Called before a truncation below the log's recovery point or
   * start, and when recovery keeps fewer records than the recovery point covers. By then an open log itself
   * has the lower offsets, because the files get the offsets of the log. The wait is rare, because
   * `pointToWrite` keeps the point in the file low. May throw DiskError.
   */
  lowered(folder: string, recoveryPoint: Offset): void {
    const log = this.open.get(folder)?.log;
    assert((log?.recoveryPoint ?? 0) <= recoveryPoint, 'a log lowers its recovery point before the files do');
    const startOffset = log?.startOffset;
    const cleanedTo = Math.min(recoveryPoint, log?.cleanedTo ?? recoveryPoint);
    const isPointLow = (this.pointsOnDevice.get(folder) ?? 0) <= recoveryPoint;
    const isStartLow = startOffset === undefined || (this.startsOnDevice.get(folder) ?? 0) <= startOffset;
    const isCleanLow = (this.cleanedOnDevice.get(folder) ?? 0) <= cleanedTo;
    if (isPointLow && isStartLow && isCleanLow) return;
    // During recovery the log is not open yet, so the files get its offsets from these maps. If the write
    // fails, the next opening must find the old offsets, and lower them again.
    const raisePoint = lowerEntry(this.recoveryPoints, folder, recoveryPoint);
    const raiseCleaned = lowerEntry(this.cleanedOffsets, folder, cleanedTo);
    this.written.delete(RECOVERY_POINTS_FILE);
    this.written.delete(START_OFFSETS_FILE);
    this.written.delete(CLEANED_OFFSETS_FILE);
    let isWritten = false;
    try {
      this.writeOffsetsOfLogs(this.replaceSynced);
      isWritten = true;
    } finally {
      if (!isWritten) {
        raisePoint();
        raiseCleaned();
      }
    }
    this.pointsOnDevice.set(folder, recoveryPoint);
    if (startOffset !== undefined) this.startsOnDevice.set(folder, startOffset);
    if (!isCleanLow) this.cleanedOnDevice.set(folder, cleanedTo);
  }

  /**
   * Returns the log's recovery point, limited to the high watermark or to the base offset of the active
   * segment, whichever is larger. Except after an unclean election, a follower does not truncate below the
   * high watermark, so a point at or below the high watermark need not be lowered. While the ISR is too
   * small, the high watermark stands still. Then the base offset of the active segment is the limit, because
   * recovery after a kill would otherwise check everything above the high watermark. Recovery after a kill
   * checks the whole active segment, so a lower point within that segment costs nothing.
   */
  private pointToWrite(folder: string, { recoveryPoint, activeBaseOffset }: OpenPartition['log']): Offset {
    const highWatermark = this.highWatermarks.get(folder) ?? recoveryPoint;
    return Math.min(recoveryPoint, Math.max(highWatermark, activeBaseOffset));
  }

  /** True if a file lists the folder, or may list it again after a power loss. */
  mayList(folder: string): boolean {
    return this.unforgotten.has(folder) || this.lists(folder);
  }

  /**
   * Notes that the folder is deleted. `forgetInBackground` or `forget` must then remove its entries from the
   * device.
   */
  deleted(folder: string, { wasOpen }: { readonly wasOpen: boolean }): void {
    if (wasOpen || this.lists(folder)) this.unforgotten.set(folder, ++this.deletions);
    for (const offsets of this.all) offsets.delete(folder);
    this.pointsOnDevice.delete(folder);
    this.startsOnDevice.delete(folder);
    this.cleanedOnDevice.delete(folder);
  }

  /**
   * Removes a deleted folder from the files, and waits until the device has the change. The caller does this
   * before it creates the folder again: otherwise the old entries would apply to the new folder after a
   * crash. Because of the wait, the caller does it only if `mayList` is true. May throw DiskError.
   */
  forget(folder: string): void {
    // The folder stays in `unforgotten` until the write succeeds. After a failed write (full disk), the next
    // call tries again.
    this.deleted(folder, { wasOpen: true });
    this.writeWithoutDeleted(this.replaceSynced);
    this.unforgotten.clear();
  }

  /**
   * Starts to remove the entries of deleted folders from the device, so that they are gone before a folder is
   * created again. If this fails or takes too long, `forget` removes them.
   */
  forgetInBackground(): void {
    if (this.isForgetting || this.isClosed || this.unforgotten.size === 0) return;
    const deletions = new Map(this.unforgotten);
    try {
      this.writeWithoutDeleted(this.replace);
      this.isForgetting = true;
      const files = FILES.filter((file) => this.disk.exists(`${this.directory}/${file}`));
      syncFiles(this.disk, this.directory, files, (error) => {
        this.isForgetting = false;
        if (error !== undefined) return;
        for (const [folder, deletion] of deletions)
          if (this.unforgotten.get(folder) === deletion) this.unforgotten.delete(folder);
        this.forgetInBackground();
      });
    } catch (error) {
      this.isForgetting = false;
      if (!(error instanceof DiskError)) throw error;
    }
  }

  /** Starts no further removal in the background. */
  close(): void {
    this.isClosed = true;
  }

  private get all(): readonly Map<string, Offset>[] {
    return [this.highWatermarks, this.recoveryPoints, this.startOffsets, this.cleanedOffsets];
  }

  private lists(folder: string): boolean {
    return this.all.some((offsets) => offsets.has(folder));
  }

  private writeWithoutDeleted(replace: Replace): void {
    const highWatermarks = [...this.highWatermarks].flatMap(([folder, offset]) => {
      const partition = partitionOfFolderName(folder);
      return partition === undefined ? [] : [{ ...partition, offset }];
    });
    this.written.clear();
    this.writeIfChanged(HIGH_WATERMARKS_FILE, formatOffsets(highWatermarks), replace);
    this.writeOffsetsOfLogs(replace);
  }

  /** The given entries, without those of logs that are open. */
  private ofUnopened(offsets: ReadonlyMap<string, Offset>): PartitionOffset[] {
    const kept: PartitionOffset[] = [];
    for (const [folder, offset] of offsets) {
      if (this.open.has(folder)) continue;
      const partition = partitionOfFolderName(folder);
      if (partition !== undefined) kept.push({ ...partition, offset });
    }
    return kept;
  }

  /** Waits until the device has the files as they are. May throw DiskError. */
  sync(): void {
    for (const name of FILES) {
      const path = `${this.directory}/${name}`;
      if (this.disk.exists(path)) fileToSync(this.disk, path).syncNow();
    }
    this.disk.syncDirectory(this.directory);
  }

  private read(file: string): Map<string, Offset> {
    const bytes = this.disk.readFile(`${this.directory}/${file}`);
    const offsets = bytes === undefined ? new Map<string, Offset>() : parseOffsets(bytes);
    if (offsets !== undefined) return offsets;
    this.logger.warn('checkpoint-damaged', { directory: this.directory, file });
    return new Map();
  }

  private readonly replace: Replace = (file, content) =>
    replaceFile(this.disk, `${this.directory}/${file}`, content);

  /** Waits for the device. */
  private readonly replaceSynced: Replace = (file, content) =>
    this.disk.writeFileAtomic(`${this.directory}/${file}`, content);

  private writeIfChanged(file: string, content: Uint8Array, replace: Replace = this.replace): void {
    const text = new TextDecoder().decode(content);
    if (this.written.get(file) === text) return;
    replace(file, content);
    this.written.set(file, text);
  }
}

/** Lowers the folder's entry to `offset`, if the entry is larger. Adds no entry. Returns how to undo it. */
function lowerEntry(offsets: Map<string, Offset>, folder: string, offset: Offset): () => void {
  const known = offsets.get(folder);
  if (known === undefined) return () => {};
  offsets.set(folder, Math.min(known, offset));
  return () => void offsets.set(folder, known);
}
