/**
 * The last appended bytes of logs, by reference to the buffers they arrived in, so that followers and consumers at the
 * end of a log are served without a read. `TailCache` bounds the memory of a whole node: by what the buffers really
 * keep alive (a batch is often a small part of a larger buffer) and by age, oldest first, so that an idle log
 * holds nothing. A `Tail` is one log's part: contiguous, ending at the log's end. Never the only copy of anything.
 */
import { assert, type Offset, type WallMillis } from '@millrace/base';
import { type BatchHeader, readBatchHeader } from '@millrace/protocol';
import { TAIL_AGE_MS, TAIL_BYTES_PER_LOG, TAIL_BYTES_TOTAL } from './limits.ts';

interface Entry {
  readonly tail: Tail;
  readonly baseOffset: Offset;
  /** Exclusive. */
  readonly endOffset: Offset;
  /** One or more whole batches. */
  readonly bytes: Uint8Array;
  readonly addedMs: WallMillis;
  older: Entry | undefined;
  newer: Entry | undefined;
}

export class TailCache {
  /** What all held buffers keep alive. */
  heldBytes = 0;
  private oldest: Entry | undefined;
  private newest: Entry | undefined;
  private readonly references = new Map<ArrayBufferLike, number>();
  private readonly totalBytesMax: number;
  private readonly ageMaxMs: number;
  readonly perLogBytesMax: number;

  constructor(o: { totalBytesMax?: number; perLogBytesMax?: number; ageMaxMs?: number } = {}) {
    this.totalBytesMax = o.totalBytesMax ?? TAIL_BYTES_TOTAL;
    this.perLogBytesMax = o.perLogBytesMax ?? TAIL_BYTES_PER_LOG;
    this.ageMaxMs = o.ageMaxMs ?? TAIL_AGE_MS;
  }

  /** Forgets what is older than the limit. Called with every append, and by the owner's tick. */
  expire(nowWallMs: WallMillis): void {
    // A wall clock that was set back makes everything look new; the size limit still holds then.
    while (this.oldest !== undefined && nowWallMs - this.oldest.addedMs > this.ageMaxMs)
      this.oldest.tail.dropOldest();
  }

  /** For Tail. */
  link(entry: Entry): void {
    entry.older = this.newest;
    if (this.newest === undefined) this.oldest = entry;
    else this.newest.newer = entry;
    this.newest = entry;
    const { buffer } = entry.bytes;
    const count = this.references.get(buffer) ?? 0;
    if (count === 0) this.heldBytes += buffer.byteLength;
    this.references.set(buffer, count + 1);
    while (this.heldBytes > this.totalBytesMax && this.oldest !== undefined) this.oldest.tail.dropOldest();
    this.expire(entry.addedMs);
  }

  /** For Tail. */
  unlink(entry: Entry): void {
    if (entry.older === undefined) this.oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.newest = entry.older;
    else entry.newer.older = entry.older;
    const { buffer } = entry.bytes;
    const count = this.references.get(buffer)! - 1;
    if (count > 0) {
      this.references.set(buffer, count);
      return;
    }
    this.references.delete(buffer);
    this.heldBytes -= buffer.byteLength;
  }
}

export class Tail {
  /** Of the batches held. */
  sizeBytes = 0;
  /** Slots before the head are emptied at once, so that they keep no buffer alive. */
  private entries: (Entry | undefined)[] = [];
  /** Index of the oldest entry: those before it are gone. */
  private head = 0;
  private readonly cache: TailCache;

  constructor(cache: TailCache) {
    this.cache = cache;
  }

  /** The first offset that is held, or undefined when nothing is. */
  get startOffset(): Offset | undefined {
    return this.entries[this.head]?.baseOffset;
  }

  /** Whole batches that were just appended; from here on nobody may change them. */
  add(bytes: Uint8Array, baseOffset: Offset, endOffset: Offset, nowWallMs: WallMillis): void {
    const last = this.entries[this.entries.length - 1];
    assert(this.entries.length === this.head || last!.endOffset === baseOffset, 'a tail is contiguous');
    const entry: Entry = {
      tail: this,
      baseOffset,
      endOffset,
      bytes,
      addedMs: nowWallMs,
      older: undefined,
      newer: undefined,
    };
    this.entries.push(entry);
    this.sizeBytes += bytes.length;
    this.cache.link(entry);
    while (this.sizeBytes > this.cache.perLogBytesMax && this.entries.length - this.head > 1)
      this.dropOldest();
  }

  dropOldest(): void {
    const entry = this.entries[this.head];
    assert(entry !== undefined, 'only what is held can be dropped');
    this.cache.unlink(entry);
    this.sizeBytes -= entry.bytes.length;
    this.entries[this.head++] = undefined;
    if (this.head === this.entries.length) {
      this.entries = [];
      this.head = 0;
    } else if (this.head > 64 && this.head * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.head);
      this.head = 0;
    }
  }

  clear(): void {
    while (this.entries.length > this.head) this.dropOldest();
  }

  /** The log now ends at `endOffset`. An entry that is cut in its middle goes too, with all before it: contiguity ends there. */
  truncate(endOffset: Offset): void {
    while (this.entries.length > this.head && this.entries[this.entries.length - 1]!.endOffset > endOffset) {
      const entry = this.entries.pop()!;
      this.cache.unlink(entry);
      this.sizeBytes -= entry.bytes.length;
      if (entry.baseOffset < endOffset) {
        this.clear();
        return;
      }
    }
  }

  /** Whole batches from the one that holds `fromOffset`, or undefined when the tail begins later. */
  read(
    fromOffset: Offset,
    endOffsetMax: Offset,
    maxBytes: number,
    atLeastOneBatch: boolean,
    header: BatchHeader,
  ): { chunks: Uint8Array[]; sizeBytes: number } | undefined {
    const start = this.startOffset;
    if (start === undefined || fromOffset < start) return undefined;
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for (let index = this.find(fromOffset); index < this.entries.length; index++) {
      const entry = this.entries[index]!;
      const { bytes } = entry;
      if (
        entry.baseOffset >= fromOffset &&
        entry.endOffset <= endOffsetMax &&
        sizeBytes + bytes.length <= maxBytes
      ) {
        chunks.push(bytes);
        sizeBytes += bytes.length;
        continue;
      }
      const first = atLeastOneBatch && sizeBytes === 0;
      const part = partOf(bytes, fromOffset, endOffsetMax, maxBytes - sizeBytes, first, header);
      if (part.chunk.length > 0) chunks.push(part.chunk);
      sizeBytes += part.chunk.length;
      if (!part.reachedEnd) break;
    }
    return { chunks, sizeBytes };
  }

  /** Index of the entry that holds `offset`. */
  private find(offset: Offset): number {
    let low = this.head;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.entries[middle]!.endOffset > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** The whole batches of `bytes` that lie in the range and the budget; the first one always when `firstAlways`. */
function partOf(
  bytes: Uint8Array,
  fromOffset: Offset,
  endOffsetMax: Offset,
  maxBytes: number,
  firstAlways: boolean,
  header: BatchHeader,
): { chunk: Uint8Array; reachedEnd: boolean } {
  let start = 0;
  let position = 0;
  while (position < bytes.length) {
    readBatchHeader(bytes, position, header);
    const next = position + header.sizeBytes;
    if (header.lastOffset < fromOffset) {
      start = next;
    } else {
      const fits = next - start <= maxBytes || (firstAlways && position === start);
      if (header.lastOffset >= endOffsetMax || !fits) break;
    }
    position = next;
  }
  return { chunk: bytes.subarray(start, position), reachedEnd: position === bytes.length };
}
