/**
 * One segment of a log: its `.log` file, its two indexes, and the few numbers that decide when it is full.
 * Knows where batches lie. Reports damage that a scan meets; the callers decide what to do about it. Knows
 * nothing of the log's other segments.
 */
import { assert, DiskError, type Millis, type Offset, type WallMillis } from '@millrace/base';
import { type BatchHeader, murmur2, type Timestamp, timestampDistance } from '@millrace/protocol';
import { ignoringDiskErrors } from '../files/deleted-files.ts';
import type { FileHandle } from '../files/file-handle.ts';
import { LOG_SUFFIX, OFFSET_INDEX_SUFFIX, offsetFileName, TIME_INDEX_SUFFIX } from '../files/file-names.ts';
import type { OpenFiles } from '../files/open-files.ts';
import { LOCATE_WINDOW_BYTES, RELATIVE_OFFSET_MAX, SCAN_WINDOW_BYTES } from '../limits.ts';
import type { LogConfig } from '../types.ts';
import { type ScanEnd, scanBatches, type Visit } from './batch-scan.ts';
import { OffsetIndex, type TimeEntry, TimeIndex } from './sparse-index.ts';

/** A batch in a segment. */
export interface Located {
  readonly position: number;
  readonly baseOffset: Offset;
  readonly lastOffset: Offset;
  readonly maxTimestamp: Timestamp;
}

export class Segment {
  readonly baseOffset: Offset;
  private readonly directory: string;
  private ending: string;
  readonly log: FileHandle;
  readonly offsetIndex: OffsetIndex;
  readonly timeIndex: TimeIndex;
  /** Bytes of whole batches in the log file. */
  sizeBytes = 0;
  /** How often the log file was cut. What a scan found before a cut may be gone. */
  cuts = 0;
  /** Damage that ended the last rebuild of the indexes. A part of the log file cannot be read. */
  unreadable: string | undefined;
  /** Time of creation or opening. The age counts from here if the records have no timestamps. */
  readonly sinceWallMs: WallMillis;
  /** True if the log file has preallocated space after its batches. */
  private isPreallocated = false;
  private mayLackIndexFiles = false;
  private bytesSinceIndexEntry = 0;
  /**
   * Largest timestamp of the segment, and the last offset of the first batch that has it; undefined until
   * looked up.
   */
  private largest: { timestamp: Timestamp; offset: Offset } | undefined;
  /** Largest timestamp of the first batch; undefined until looked up, -1 when there is none. */
  private firstTimestamp: Timestamp | undefined;
  /** The share of the jitter that this segment uses, from 0 to 1. */
  private lot: number | undefined;

  /** `ending` follows the names of the files. It is empty, except for files that the cleaner writes. */
  constructor(files: OpenFiles, directory: string, baseOffset: Offset, nowWallMs: WallMillis, ending = '') {
    this.baseOffset = baseOffset;
    this.directory = directory;
    this.ending = ending;
    const path = (suffix: string): string => this.pathOf(suffix);
    this.sinceWallMs = nowWallMs;
    this.log = files.handle(path(LOG_SUFFIX));
    this.offsetIndex = new OffsetIndex(files.handle(path(OFFSET_INDEX_SUFFIX)));
    this.timeIndex = new TimeIndex(files.handle(path(TIME_INDEX_SUFFIX)));
  }

  /** The present name of the segment's file of this kind. */
  nameOf(suffix: string): string {
    return offsetFileName(this.baseOffset, suffix) + this.ending;
  }

  private pathOf(suffix: string): string {
    return `${this.directory}/${this.nameOf(suffix)}`;
  }

  /** Gives the files another ending, the log file last. The files must exist. May throw DiskError. */
  rename(ending: string): void {
    this.ending = ending;
    this.offsetIndex.handle.rename(this.pathOf(OFFSET_INDEX_SUFFIX));
    this.timeIndex.handle.rename(this.pathOf(TIME_INDEX_SUFFIX));
    this.log.rename(this.pathOf(LOG_SUFFIX));
  }

  /**
   * Creates the files of a new segment, and empties files left under their names. `sizeBytes`: preallocated
   * size of the log file.
   */
  create(sizeBytes = 0): void {
    const file = this.log.file();
    // Do not truncate an empty file: after a truncation to 0, ext4 writes the whole file to the device on
    // close.
    if (file.size() > 0) file.truncate(0);
    if (sizeBytes > 0) file.truncate(sizeBytes);
    this.isPreallocated = sizeBytes > 0;
    this.sizeBytes = 0;
    this.startRebuild();
  }

  /**
   * Called instead of `create` when none of the files exists yet. A preallocated log file is created at once,
   * any other by its first write. An index file is created by its first entries, or by `seal` if the segment
   * has batches but too few for an index entry.
   */
  createNew(sizeBytes: number): void {
    if (sizeBytes > 0) this.log.file().truncate(sizeBytes);
    this.isPreallocated = sizeBytes > 0;
    this.offsetIndex.startNew();
    this.timeIndex.startNew();
    this.mayLackIndexFiles = true;
    this.largest = { timestamp: -1, offset: this.baseOffset };
  }

  /**
   * Appends whole batches. If the write fails, truncates the file to the batches that it had before. If the
   * truncation fails, too, calls `cutBackFailed`.
   */
  write(bytes: Uint8Array, cutBackFailed: () => void): void {
    // `note` must not fail once the file has the bytes. So first read all that `note` needs.
    this.largestTimestamp();
    this.offsetIndex.makeRoom();
    this.timeIndex.makeRoom();
    const file = this.log.file();
    try {
      file.write(this.sizeBytes, [bytes]);
    } catch (error) {
      try {
        file.truncate(this.sizeBytes);
      } catch {
        cutBackFailed();
      }
      throw error;
    }
  }

  /** Counts and indexes a batch that is now at `position`. */
  note(header: BatchHeader, position: number, indexIntervalBytes: number): void {
    const { largest } = this;
    if (largest !== undefined && header.maxTimestamp > largest.timestamp) {
      largest.timestamp = header.maxTimestamp;
      largest.offset = header.lastOffset;
    }
    if (this.bytesSinceIndexEntry > indexIntervalBytes) {
      this.offsetIndex.append(header.lastOffset - this.baseOffset, position);
      const { timestamp, offset } = this.largestTimestamp();
      this.timeIndex.appendIfLater(timestamp, offset - this.baseOffset);
      this.bytesSinceIndexEntry = 0;
    }
    if (position === 0) this.firstTimestamp = header.maxTimestamp;
    this.bytesSinceIndexEntry += header.sizeBytes;
    this.sizeBytes = position + header.sizeBytes;
  }

  /**
   * True if the batch, whose offsets are final, must begin a new segment. `pendingBytes`: size of the batches
   * before it that the log is about to write to this segment.
   */
  isFullFor(header: BatchHeader, pendingBytes: number, nowWallMs: WallMillis, config: LogConfig): boolean {
    if (header.lastOffset - this.baseOffset > RELATIVE_OFFSET_MAX) return true;
    const sizeBytes = this.sizeBytes + pendingBytes;
    if (sizeBytes === 0) return false;
    if (sizeBytes + header.sizeBytes > config.segmentBytes) return true;
    if (this.sizeBytes === 0) return false;
    const first = this.firstBatchTimestamp();
    const hasTimes = first >= 0 && header.maxTimestamp >= 0;
    const ageMs = hasTimes ? timestampDistance(header.maxTimestamp, first) : nowWallMs - this.sinceWallMs;
    if (ageMs > config.segmentMs - this.jitterMs(config)) return true;
    const entries = Math.floor(config.segmentIndexBytes / 8);
    const timeEntries = Math.floor(config.segmentIndexBytes / 12);
    // `seal` writes the last time entry, so keep one place for it.
    return this.offsetIndex.count >= entries || this.timeIndex.count >= timeEntries - 1;
  }

  /** Completes the indexes on disk. Called before a roll or a clean stop, and after a rebuild. */
  seal(): void {
    const { timestamp, offset } = this.largestTimestamp();
    if (timestamp >= 0) this.timeIndex.appendIfLater(timestamp, offset - this.baseOffset);
    this.offsetIndex.writePending();
    this.timeIndex.writePending();
    if (!this.mayLackIndexFiles || this.sizeBytes === 0) return;
    for (const { handle } of [this.offsetIndex, this.timeIndex]) handle.file();
    this.mayLackIndexFiles = false;
  }

  /**
   * Cuts preallocated space off the log file. Called after `seal`, when the log will not write to this file
   * again. Returns whether the file was preallocated.
   */
  trim(): boolean {
    const { isPreallocated } = this;
    if (isPreallocated) this.log.file().truncate(this.sizeBytes);
    this.isPreallocated = false;
    return isPreallocated;
  }

  /**
   * The segment's jitter. It follows from a hash of the log file's path, so it is the same on each call and
   * after a restart.
   */
  private jitterMs({ segmentJitterMs, segmentMs }: LogConfig): Millis {
    const max = Math.min(segmentJitterMs, segmentMs);
    if (max === 0) return 0;
    this.lot ??= (murmur2(new TextEncoder().encode(this.log.path)) >>> 0) / 2 ** 32;
    return Math.floor(this.lot * max);
  }

  /** True if `largestTimestamp` need not read the disk. */
  get knowsLargestTimestamp(): boolean {
    return this.largest !== undefined;
  }

  /** The largest timestamp (-1: none) and the last offset of the first batch that has it. */
  largestTimestamp(): { readonly timestamp: Timestamp; readonly offset: Offset } {
    if (this.largest === undefined) {
      const last = this.timeIndex.last();
      // A sealed segment has no entry only if none of its records has a timestamp.
      const right = last === undefined ? !this.showsTimestamps() : this.confirms(last);
      if (right) this.largest = this.fromEntry(last);
      else this.rebuildIndexes();
    }
    assert(this.largest !== undefined, 'the largest timestamp is known now');
    return this.largest;
  }

  /**
   * The time from which retention counts the segment's age: the largest timestamp or, if there is none, the
   * time of the file's last change. May read the log file. If a part of the segment cannot be read, calls
   * `damaged`. That part may hold later timestamps, so then the later of the two times counts. Throws
   * DiskError if another call may succeed.
   */
  newestTimestamp(damaged: (error: DiskError) => void): Timestamp {
    let known: Timestamp = -1;
    try {
      known = this.largestTimestamp().timestamp;
      if (known >= 0 && this.unreadable === undefined) return known;
      if (this.unreadable !== undefined)
        damaged(new DiskError('EIO', `${this.log.path}: ${this.unreadable}`));
    } catch (error) {
      if (!(error instanceof DiskError) || error.isTransient) throw error;
      damaged(error);
    }
    const changedMs = this.log.file().modifiedMs();
    return known > changedMs ? known : changedMs;
  }

  /**
   * Returns the offset from which to search for the timestamp. Batches of the segment that end before that
   * offset have only smaller timestamps.
   */
  offsetBelowTimestamp(timestamp: Timestamp): Offset {
    let entry = this.timeIndex.lookup(timestamp);
    if (entry !== undefined && !this.confirms(entry)) {
      this.rebuildIndexes();
      entry = this.timeIndex.lookup(timestamp);
    }
    return this.baseOffset + (entry?.relativeOffset ?? 0);
  }

  /** True if the log has the batch that this entry of the time index names. */
  confirms(entry: TimeEntry): boolean {
    const offset = this.baseOffset + entry.relativeOffset;
    const located = entry.relativeOffset < 0 ? undefined : this.locate(offset);
    return located?.lastOffset === offset && located.maxTimestamp === entry.timestamp;
  }

  /**
   * The first batch whose last offset is >= `offset`, or undefined when there is none. Throws DiskError if it
   * meets damage.
   */
  locate(offset: Offset): Located | undefined {
    let found: Located | undefined;
    const from = this.trustedPosition(offset);
    const end = this.scan(from, { checkCrc: false, windowBytes: LOCATE_WINDOW_BYTES }, (header, position) => {
      if (header.lastOffset < offset) return false;
      const { baseOffset, lastOffset, maxTimestamp } = header;
      found = { position, baseOffset, lastOffset, maxTimestamp };
      return true;
    });
    if (end.damage !== undefined) throw new DiskError('EIO', `${this.log.path}: ${end.damage}`);
    return found;
  }

  /**
   * The place behind the last batch below `offset`: its position, and the offset after the batch. `offset`
   * lies between two batches. Throws DiskError if it meets damage.
   */
  endBefore(
    offset: Offset,
    // An index entry at `offset` would name the batch behind that place.
    from = this.trustedPosition(Math.max(this.baseOffset, offset - 1)),
  ): { position: number; endOffset: Offset } {
    let found: { position: number; endOffset: Offset } | undefined;
    const end = this.scan(from, { checkCrc: false, windowBytes: LOCATE_WINDOW_BYTES }, (header, position) => {
      if (header.lastOffset >= offset) return true;
      found = { position: position + header.sizeBytes, endOffset: header.lastOffset + 1 };
      return false;
    });
    if (end.damage !== undefined) throw new DiskError('EIO', `${this.log.path}: ${end.damage}`);
    if (found === undefined && from > 0) return this.endBefore(offset, 0);
    return found ?? { position: 0, endOffset: this.baseOffset };
  }

  scan(from: number, o: { checkCrc: boolean; windowBytes?: number }, visit: Visit): ScanEnd {
    const windowBytes = o.windowBytes ?? SCAN_WINDOW_BYTES;
    const options = { from, to: this.sizeBytes, windowBytes, checkCrc: o.checkCrc };
    return scanBatches(this.log.file(), { ...options, minimumOffset: this.baseOffset }, visit);
  }

  /**
   * Visits the batches in about the last `bytes` bytes, oldest first, up to the first damage. Visits none if
   * the index entry at which the scan starts is wrong.
   */
  scanLast(bytes: number, visit: Visit): void {
    const entry = this.offsetIndex.atPosition(Math.max(0, this.sizeBytes - bytes));
    let trusted = entry === undefined;
    this.scan(
      entry?.position ?? 0,
      { checkCrc: false, windowBytes: LOCATE_WINDOW_BYTES },
      (header, ...where) => {
        trusted ||= header.lastOffset === this.baseOffset + entry!.relativeOffset;
        return trusted ? visit(header, ...where) : true;
      },
    );
  }

  /**
   * Cuts the segment at `position`, the beginning of a batch. The log continues at `endOffset` in the next
   * segment.
   */
  truncate(position: number, endOffset: Offset): void {
    this.log.file().truncate(position);
    this.cuts++;
    this.isPreallocated = false;
    this.sizeBytes = position;
    this.offsetIndex.truncate(position);
    this.timeIndex.truncate(endOffset - this.baseOffset);
    this.resume();
    this.seal();
  }

  /**
   * Restores the state that appends need: scans the log file from the last index entry to the end. Returns
   * where the undamaged batches end, and the offset that follows the last of them.
   */
  resume(o: { checkCrc: boolean } = { checkCrc: false }): { end: ScanEnd; nextOffset: Offset } {
    const lastEntry = this.offsetIndex.last();
    const from = lastEntry?.position ?? 0;
    let nextOffset = this.baseOffset;
    const largest = this.fromEntry(this.timeIndex.last());
    this.firstTimestamp = undefined;
    const end = this.scan(from, { checkCrc: o.checkCrc, windowBytes: LOCATE_WINDOW_BYTES }, (header) => {
      if (header.maxTimestamp > largest.timestamp) {
        largest.timestamp = header.maxTimestamp;
        largest.offset = header.lastOffset;
      }
      nextOffset = header.lastOffset + 1;
      return false;
    });
    this.largest = largest;
    this.bytesSinceIndexEntry = this.sizeBytes - from;
    return { end, nextOffset };
  }

  /**
   * Empties the indexes. A scan from the beginning then fills them again with `note`. With `keepsFiles` the
   * files change only in `seal`: after an earlier crash, recovery rebuilds the indexes again.
   */
  startRebuild(keepsFiles = false): void {
    for (const index of [this.offsetIndex, this.timeIndex]) keepsFiles ? index.startOver() : index.reset();
    this.bytesSinceIndexEntry = 0;
    this.largest = { timestamp: -1, offset: this.baseOffset };
    this.firstTimestamp = undefined;
  }

  /** Every file that must be on the device before the recovery point may cover records of this segment. */
  filesToSync(active: boolean): FileHandle[] {
    // After a crash, recovery rebuilds the indexes of the active segment.
    return active ? [this.log] : this.handles();
  }

  /** The index files to which the device may lack a write of this run. */
  dirtyIndexes(): FileHandle[] {
    return this.handles().filter((handle) => handle !== this.log && handle.isDirty);
  }

  handles(): FileHandle[] {
    return [this.log, this.offsetIndex.handle, this.timeIndex.handle];
  }

  close(): void {
    for (const handle of this.handles()) handle.close();
  }

  /**
   * Removes the files, the log file first. If the process dies in between, the next open removes index files
   * that have no log file.
   */
  remove(): void {
    for (const handle of this.handles()) handle.remove();
  }

  /**
   * Marks the files for a later removal: renames them, the log file first. If the process dies in between,
   * the next open removes index files that have no log file. Returns the new paths. May throw DiskError; then
   * the segment keeps its files.
   */
  markDeleted(): string[] {
    const marked = [this.log.markDeleted()];
    // An index file may stay, because the next open removes it, or a new segment of this name empties it.
    for (const { handle } of [this.offsetIndex, this.timeIndex])
      ignoringDiskErrors(() => marked.push(handle.markDeleted()));
    return marked.filter((path) => path !== undefined);
  }

  private fromEntry(entry: TimeEntry | undefined): { timestamp: Timestamp; offset: Offset } {
    return { timestamp: entry?.timestamp ?? -1, offset: this.baseOffset + (entry?.relativeOffset ?? 0) };
  }

  /** True if `firstBatchTimestamp` need not read the disk. */
  get knowsFirstTimestamp(): boolean {
    return this.firstTimestamp !== undefined;
  }

  /** The largest timestamp of the first batch; -1: none. May throw DiskError. */
  firstBatchTimestamp(): Timestamp {
    if (this.firstTimestamp === undefined) {
      let first: Timestamp = -1;
      this.scan(0, { checkCrc: false, windowBytes: 64 }, (header) => {
        first = header.maxTimestamp;
        return true;
      });
      this.firstTimestamp = first;
    }
    return this.firstTimestamp;
  }

  /**
   * True if the first batch or one of the last batches has a timestamp. Reading every batch would take too
   * long. So if the time index is empty, and only batches in the middle have timestamps, this returns false.
   */
  private showsTimestamps(): boolean {
    let isFound = this.firstBatchTimestamp() >= 0;
    if (isFound) return true;
    this.scanLast(LOCATE_WINDOW_BYTES, ({ maxTimestamp }) => {
      isFound = maxTimestamp >= 0;
      return isFound;
    });
    return isFound;
  }

  /** Where to begin the search for `offset`. If the log contradicts the index entry, rebuilds the indexes. */
  private trustedPosition(offset: Offset): number {
    const entry = this.offsetIndex.lookup(offset - this.baseOffset);
    if (entry === undefined) return 0;
    let confirmed = false;
    if (entry.position >= 0 && entry.position < this.sizeBytes)
      this.scan(entry.position, { checkCrc: false, windowBytes: 64 }, (header) => {
        confirmed = header.lastOffset === this.baseOffset + entry.relativeOffset;
        return true;
      });
    if (confirmed) return entry.position;
    this.rebuildIndexes();
    return this.offsetIndex.lookup(offset - this.baseOffset)?.position ?? 0;
  }

  /** Fills the indexes from the log file. If a read fails, leaves them empty and throws DiskError. */
  private rebuildIndexes(): void {
    const { sizeBytes } = this;
    this.startRebuild();
    try {
      this.unreadable = this.indexBatches(sizeBytes).damage;
    } catch (error) {
      this.startRebuild();
      this.largest = undefined;
      throw error;
    } finally {
      this.sizeBytes = sizeBytes;
    }
    this.seal();
  }

  private indexBatches(to: number): ScanEnd {
    const options = { from: 0, to, windowBytes: SCAN_WINDOW_BYTES, checkCrc: false };
    return scanBatches(
      this.log.file(),
      { ...options, minimumOffset: this.baseOffset },
      (header, position) => {
        this.note(header, position, REBUILD_INTERVAL_BYTES);
        return false;
      },
    );
  }
}

/**
 * Index interval of a rebuild during reads. It is Kafka's default, because the segment does not know the
 * settings.
 */
const REBUILD_INTERVAL_BYTES = 4096;
