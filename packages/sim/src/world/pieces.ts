/**
 * Small pieces of memory, cut from large blocks. Allocating each piece alone would cost more than copying the
 * bytes into it.
 */
const LARGE_BYTES = 64 * 1024;
const PIECE_BYTES_MAX = 4 * 1024;

export class Pieces {
  private large = new Uint8Array(LARGE_BYTES);
  private used = 0;

  /** Returns a piece filled with zeros. No other piece overlaps it. */
  take(sizeBytes: number): Uint8Array {
    if (sizeBytes > PIECE_BYTES_MAX) return new Uint8Array(sizeBytes);
    if (this.used + sizeBytes > LARGE_BYTES) {
      this.large = new Uint8Array(LARGE_BYTES);
      this.used = 0;
    }
    this.used += sizeBytes;
    return this.large.subarray(this.used - sizeBytes, this.used);
  }
}
