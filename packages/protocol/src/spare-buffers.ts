/**
 * Buffers that were used and may be used again, so that a stream of large messages makes no garbage: memory outside of
 * the heap is dear to collect. Sizes are powers of two; what is kept is bounded in all. Giving nothing back is always safe.
 */
import { allocateUnsafe } from './bytes.ts';

const SMALLEST_BITS = 14;
const LARGEST_BITS = 20;
const KEPT_BYTES_MAX = 8 << 20;

export class SpareBuffers {
  /** By size, the smallest (16 KiB) first. */
  private readonly spares: Uint8Array[][] = Array.from(
    { length: LARGEST_BITS - SMALLEST_BITS + 1 },
    () => [],
  );
  private keptBytes = 0;

  /** At least `sizeBytes` of memory that may hold anything. */
  take(sizeBytes: number): Uint8Array {
    const kind = kindOf(sizeBytes);
    if (kind >= this.spares.length) return allocateUnsafe(sizeBytes);
    const spare = this.spares[kind]!.pop();
    if (spare === undefined) return allocateUnsafe(1 << (kind + SMALLEST_BITS));
    this.keptBytes -= spare.length;
    return spare;
  }

  /** A buffer that was taken, and that nobody uses any more. */
  give(buffer: Uint8Array): void {
    const kept = this.spares[kindOf(buffer.length)];
    if (kept === undefined || this.keptBytes + buffer.length > KEPT_BYTES_MAX) return;
    this.keptBytes += buffer.length;
    kept.push(buffer);
  }
}

function kindOf(sizeBytes: number): number {
  return Math.max(0, 32 - Math.clz32(sizeBytes - 1) - SMALLEST_BITS);
}
