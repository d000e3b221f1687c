/**
 * The two sparse indexes of a segment in Kafka's binary format. An entry of `.index` holds a batch's last
 * offset (relative, int32) and the position where the batch begins (int32). An entry of `.timeindex` holds
 * the largest timestamp (int64) up to an offset (relative, int32). Memory holds only entries that are not yet
 * written. An index can be rebuilt from its log at any time. `Segment` checks each entry that it uses against
 * the log.
 */
import { assert } from '@millrace/base';
import { type Timestamp, timestampHigh, timestampLow, timestampOfWords } from '@millrace/protocol';
import type { FileHandle } from '../files/file-handle.ts';
import { PENDING_INDEX_ENTRIES } from '../limits.ts';

/** A binary search ends when at most this many bytes are left: it then reads all of them at once. */
const BLOCK_BYTES = 4096;
/** First size of the buffer for pending entries. */
const PENDING_FIRST_ENTRIES = 8;

class SparseIndex {
  readonly handle: FileHandle;
  private readonly entryBytes: number;
  /** Number of entries in the file; -1 until it is computed from the size of the file. */
  private writtenEntries = -1;
  private pending: Uint8Array | undefined;
  private pendingEntries = 0;
  /** True after `startOver`: the file has entries that are no longer part of the index. */
  private isFileStale = false;

  constructor(handle: FileHandle, entryBytes: number) {
    this.handle = handle;
    this.entryBytes = entryBytes;
  }

  /** Number of entries, written or pending. */
  get count(): number {
    return this.written() + this.pendingEntries;
  }

  get sizeBytes(): number {
    return this.count * this.entryBytes;
  }

  /** Writes the pending entries to the file. */
  writePending(): void {
    if (this.isFileStale) {
      const file = this.handle.file();
      if (file.size() > 0) file.truncate(0);
      this.isFileStale = false;
    }
    if (this.pendingEntries === 0) return;
    const at = this.written() * this.entryBytes;
    this.handle.file().write(at, [this.pending!.slice(0, this.pendingEntries * this.entryBytes)]);
    this.writtenEntries += this.pendingEntries;
    this.pendingEntries = 0;
    this.pending = undefined;
  }

  /** Empties the file, or creates it. */
  reset(): void {
    this.keep(0);
  }

  /** For an index without a file. The first write of entries creates the file. */
  startNew(): void {
    this.writtenEntries = 0;
  }

  /**
   * Empties the index in memory. `writePending` then replaces the file, or creates it. The caller adds all
   * entries before that call, so memory holds them all.
   */
  startOver(): void {
    this.pendingEntries = 0;
    this.pending = undefined;
    this.writtenEntries = 0;
    this.isFileStale = true;
  }

  /** Keeps the first `entries` entries and drops the others. */
  keep(entries: number): void {
    assert(entries >= 0, 'a number of entries');
    const written = this.written();
    if (entries >= written) {
      this.pendingEntries = Math.min(this.pendingEntries, entries - written);
      return;
    }
    this.pendingEntries = 0;
    this.pending = undefined;
    this.handle.file().truncate(entries * this.entryBytes);
    this.writtenEntries = entries;
  }

  /** True if the size of the file is a whole number of entries. */
  wholeEntries(): boolean {
    return this.handle.file().size() % this.entryBytes === 0;
  }

  /**
   * Call before an append, so that adding its entries cannot fail and pending entries do not pile up. May
   * throw DiskError.
   */
  makeRoom(): void {
    this.written();
    if (this.pendingEntries >= PENDING_INDEX_ENTRIES) this.writePending();
  }

  /** Returns room for one more entry. The caller must fill it before it does anything else. */
  protected addSlot(): { bytes: Uint8Array; at: number } {
    const at = this.entryBytes * this.pendingEntries++;
    if (this.pending === undefined || at === this.pending.length) {
      const larger = new Uint8Array(Math.max(PENDING_FIRST_ENTRIES * this.entryBytes, at * 2));
      if (this.pending !== undefined) larger.set(this.pending);
      this.pending = larger;
    }
    return { bytes: this.pending, at };
  }

  /** The bytes of the entries first .. first + count - 1. */
  protected entriesAt(first: number, count: number): Uint8Array {
    const written = this.written();
    const bytes = new Uint8Array(count * this.entryBytes);
    const fromFile = Math.max(0, Math.min(count, written - first));
    if (fromFile > 0)
      this.handle.file().read(first * this.entryBytes, bytes.subarray(0, fromFile * this.entryBytes));
    if (fromFile < count) {
      const start = (first + fromFile - written) * this.entryBytes;
      const end = start + (count - fromFile) * this.entryBytes;
      bytes.set(this.pending!.subarray(start, end), fromFile * this.entryBytes);
    }
    return bytes;
  }

  /**
   * Number of entries before the first one for which `holds` is false. `holds` must be false for all later
   * entries, too.
   */
  protected countWhere(holds: (bytes: Uint8Array, at: number) => boolean): number {
    let low = 0;
    let high = this.count;
    while (high - low > BLOCK_BYTES / this.entryBytes) {
      const middle = (low + high) >> 1;
      if (holds(this.entriesAt(middle, 1), 0)) low = middle + 1;
      else high = middle;
    }
    if (low === high) return low;
    const block = this.entriesAt(low, high - low);
    let inBlock = 0;
    let end = high - low;
    while (inBlock < end) {
      const middle = (inBlock + end) >> 1;
      if (holds(block, middle * this.entryBytes)) inBlock = middle + 1;
      else end = middle;
    }
    return low + inBlock;
  }

  private written(): number {
    if (this.writtenEntries < 0)
      this.writtenEntries = Math.floor(this.handle.file().size() / this.entryBytes);
    return this.writtenEntries;
  }
}

export interface OffsetEntry {
  /** The last offset of the batch at `position`, relative to the base offset of the segment. */
  readonly relativeOffset: number;
  readonly position: number;
}

export class OffsetIndex extends SparseIndex {
  constructor(handle: FileHandle) {
    super(handle, 8);
  }

  append(relativeOffset: number, position: number): void {
    const { bytes, at } = this.addSlot();
    writeInt32(bytes, at, relativeOffset);
    writeInt32(bytes, at + 4, position);
  }

  /** The last entry whose offset is <= the given one. */
  lookup(relativeOffset: number): OffsetEntry | undefined {
    return this.entry(this.countWhere((bytes, at) => readInt32(bytes, at) <= relativeOffset) - 1);
  }

  last(): OffsetEntry | undefined {
    return this.entry(this.count - 1);
  }

  /** The last entry whose batch begins at or before `position`. */
  atPosition(position: number): OffsetEntry | undefined {
    return this.entry(this.countWhere((bytes, at) => readInt32(bytes, at + 4) <= position) - 1);
  }

  /** Drops entries of batches that begin at or after `position`. */
  truncate(position: number): void {
    this.keep(this.countWhere((bytes, at) => readInt32(bytes, at + 4) < position));
  }

  private entry(index: number): OffsetEntry | undefined {
    if (index < 0) return undefined;
    const bytes = this.entriesAt(index, 1);
    return { relativeOffset: readInt32(bytes, 0), position: readInt32(bytes, 4) };
  }
}

export interface TimeEntry {
  readonly timestamp: Timestamp;
  readonly relativeOffset: number;
}

export class TimeIndex extends SparseIndex {
  private lastTimestamp: Timestamp | undefined;

  constructor(handle: FileHandle) {
    super(handle, 12);
  }

  override makeRoom(): void {
    super.makeRoom();
    this.largest();
  }

  /** Adds an entry if its timestamp is larger than that of the last entry. */
  appendIfLater(timestamp: Timestamp, relativeOffset: number): void {
    if (timestamp <= this.largest()) return;
    const { bytes, at } = this.addSlot();
    writeInt32(bytes, at, timestampHigh(timestamp));
    writeInt32(bytes, at + 4, timestampLow(timestamp));
    writeInt32(bytes, at + 8, relativeOffset);
    this.lastTimestamp = timestamp;
  }

  /** The last entry whose timestamp is <= the given one. */
  lookup(timestamp: Timestamp): TimeEntry | undefined {
    return this.entry(this.countWhere((bytes, at) => readTimestamp(bytes, at) <= timestamp) - 1);
  }

  last(): TimeEntry | undefined {
    return this.entry(this.count - 1);
  }

  /** Drops entries for offsets at or after the given one. */
  truncate(relativeOffset: number): void {
    this.keep(this.countWhere((bytes, at) => readInt32(bytes, at + 8) < relativeOffset));
  }

  override startOver(): void {
    super.startOver();
    this.lastTimestamp = undefined;
  }

  override keep(entries: number): void {
    super.keep(entries);
    this.lastTimestamp = undefined;
  }

  /** The timestamp of the last entry; -1: there is none. */
  private largest(): Timestamp {
    this.lastTimestamp ??= this.last()?.timestamp ?? -1;
    return this.lastTimestamp;
  }

  private entry(index: number): TimeEntry | undefined {
    if (index < 0) return undefined;
    const bytes = this.entriesAt(index, 1);
    return { timestamp: readTimestamp(bytes, 0), relativeOffset: readInt32(bytes, 8) };
  }
}

function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function readTimestamp(bytes: Uint8Array, at: number): Timestamp {
  return timestampOfWords(readInt32(bytes, at), readInt32(bytes, at + 4));
}

function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
}
