/**
 * A pool of used buffers for reuse, so that a stream of large messages creates little garbage. Garbage
 * outside of the heap is expensive to collect. Buffers of up to 2 MiB have powers of two as their sizes. The
 * pool does not keep larger buffers, and keeps at most 16 MiB in all. A caller may drop a buffer instead of
 * giving it back.
 */
import { allocateUnsafe } from './bytes.ts';

const SMALLEST_BITS = 14;
const LARGEST_BITS = 21;
const KEPT_BYTES_MAX = 16 << 20;

/** With `spoils`, this byte overwrites memory that no code may read now. */
const SPOILED = 0xdd;

interface Entry {
  readonly buffer: Uint8Array;
  isSpare: boolean;
}

export interface SpareBuffersOptions {
  /**
   * True: the pool overwrites bytes that are given back, and released frames, so that code that still reads
   * them gets wrong bytes. For tests and the simulator.
   */
  readonly spoils?: boolean;
}

export class SpareBuffers {
  private readonly spoils: boolean;
  /** The spare buffers by size, the smallest (16 KiB) first. */
  private readonly spares: Entry[][] = Array.from({ length: LARGEST_BITS - SMALLEST_BITS + 1 }, () => []);
  private keptBytes = 0;
  /**
   * Every buffer of this pool, by its memory, because a caller may have only a view of the buffer that it
   * gives back.
   */
  private readonly all = new WeakMap<ArrayBufferLike, Entry>();

  constructor({ spoils = false }: SpareBuffersOptions = {}) {
    this.spoils = spoils;
  }

  /** A new pool with the same options and its own bound. */
  sibling(): SpareBuffers {
    return new SpareBuffers({ spoils: this.spoils });
  }

  /** At least `sizeBytes` of memory with arbitrary content. */
  take(sizeBytes: number): Uint8Array {
    const kind = kindOf(sizeBytes);
    const spare = this.spares[kind]?.pop();
    if (spare === undefined) return this.allocate(kind, sizeBytes);
    this.keptBytes -= spare.buffer.length;
    spare.isSpare = false;
    return spare.buffer;
  }

  /**
   * Takes back the buffer behind these bytes, which the caller no longer uses. Ignores memory that `take` has
   * not handed out, and drops a buffer that is too large or does not fit into the bound.
   */
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

  /** Call it when code no longer reads these bytes. Overwrites them if the option `spoils` is set. */
  spoil(bytes: Uint8Array): void {
    if (this.spoils) bytes.fill(SPOILED);
  }

  private allocate(kind: number, sizeBytes: number): Uint8Array {
    if (kind >= this.spares.length) return allocateUnsafe(sizeBytes);
    // Allocate memory of its own: small Buffers of Node share memory.
    const buffer = new Uint8Array(1 << (kind + SMALLEST_BITS));
    this.all.set(buffer.buffer, { buffer, isSpare: false });
    return buffer;
  }
}

function kindOf(sizeBytes: number): number {
  return Math.max(0, 32 - Math.clz32(sizeBytes - 1) - SMALLEST_BITS);
}
