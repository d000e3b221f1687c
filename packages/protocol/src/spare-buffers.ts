/**
 * Buffers that were used and may be used again, so that a stream of large messages makes no garbage: memory
 * outside of the heap is dear to collect. Sizes are powers of two; what is kept is bounded in all. Giving
 * nothing back is always safe.
 */
import { allocateUnsafe } from './bytes.ts';

const SMALLEST_BITS = 14;
const LARGEST_BITS = 21;
const KEPT_BYTES_MAX = 16 << 20;

/** What is written over bytes that nobody may look at, where that is checked. */
const SPOILED = 0xdd;

interface Entry {
  readonly buffer: Uint8Array;
  isSpare: boolean;
}

export interface SpareBuffersOptions {
  /**
   * Bytes that are given back, and frames whose time is over, are overwritten: who still reads them then gets
   * garbage. For tests.
   */
  readonly spoils?: boolean;
}

export class SpareBuffers {
  private readonly spoils: boolean;
  /** By size, the smallest (16 KiB) first. */
  private readonly spares: Entry[][] = Array.from({ length: LARGEST_BITS - SMALLEST_BITS + 1 }, () => []);
  private keptBytes = 0;
  /** Every buffer of ours, by its memory: who gives back may have no more than a view. */
  private readonly all = new WeakMap<ArrayBufferLike, Entry>();

  constructor({ spoils = false }: SpareBuffersOptions = {}) {
    this.spoils = spoils;
  }

  /** Others of the same manners, with a bound of their own. */
  sibling(): SpareBuffers {
    return new SpareBuffers({ spoils: this.spoils });
  }

  /** At least `sizeBytes` of memory that may hold anything. */
  take(sizeBytes: number): Uint8Array {
    const kind = kindOf(sizeBytes);
    const spare = this.spares[kind]?.pop();
    if (spare === undefined) return this.allocate(kind, sizeBytes);
    this.keptBytes -= spare.buffer.length;
    spare.isSpare = false;
    return spare.buffer;
  }

  /** The buffer behind these bytes has no user any more. Bytes that were not taken here are left alone. */
  give(bytes: Uint8Array): void {
    const entry = this.all.get(bytes.buffer);
    if (entry === undefined || entry.isSpare) return;
    this.spoil(entry.buffer);
    const { length } = entry.buffer;
    if (this.keptBytes + length > KEPT_BYTES_MAX) return;
    this.keptBytes += length;
    entry.isSpare = true;
    this.spares[kindOf(length)]!.push(entry);
  }

  /** These bytes were lent and the loan is over. */
  spoil(bytes: Uint8Array): void {
    if (this.spoils) bytes.fill(SPOILED);
  }

  private allocate(kind: number, sizeBytes: number): Uint8Array {
    if (kind >= this.spares.length) return allocateUnsafe(sizeBytes);
    // Memory of its own, which a small Buffer need not have.
    const buffer = new Uint8Array(1 << (kind + SMALLEST_BITS));
    this.all.set(buffer.buffer, { buffer, isSpare: false });
    return buffer;
  }
}

function kindOf(sizeBytes: number): number {
  return Math.max(0, 32 - Math.clz32(sizeBytes - 1) - SMALLEST_BITS);
}
