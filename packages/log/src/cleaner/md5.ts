/**
 * MD5 of a record's key (RFC 1321), as four 32-bit words. Kafka's cleaner uses MD5, too. Node's own MD5 makes
 * an object for each call, which costs more than the hash of a short key.
 */

/** Number of 32-bit words of a hash. */
export const HASH_WORDS = 4;

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21] as const;
const BLOCK_BYTES = 64;
/** A block ends with the length of the message, in these bytes. */
const LENGTH_BYTES = 8;

/** Computes hashes, one at a time, with buffers of its own. */
export class Md5 {
  /** The hash that `hash` computed last. The order of the bytes in a word is little-endian. */
  readonly words = new Int32Array(HASH_WORDS);
  private readonly block = new Int32Array(BLOCK_BYTES / 4);
  private readonly sines = Int32Array.from({ length: 64 }, (_, i) => Math.abs(Math.sin(i + 1)) * 2 ** 32);

  /** Hashes the bytes from `start` up to `end`, exclusive. */
  hash(bytes: Uint8Array, start: number, end: number): void {
    const { words, block } = this;
    words[0] = 0x6745_2301;
    words[1] = 0xefcd_ab89 | 0;
    words[2] = 0x98ba_dcfe | 0;
    words[3] = 0x1032_5476;
    let at = start;
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
      for (let i = 0; i < 16; i++) block[i] = wordAt(bytes, at + 4 * i);
      this.round();
    }
    block.fill(0);
    const left = end - at;
    for (let i = 0; i < left; i++) block[i >> 2]! |= bytes[at + i]! << ((i & 3) * 8);
    block[left >> 2]! |= 0x80 << ((left & 3) * 8);
    if (left + 1 + LENGTH_BYTES > BLOCK_BYTES) {
      this.round();
      block.fill(0);
    }
    const sizeBytes = end - start;
    block[14] = sizeBytes << 3;
    block[15] = sizeBytes >>> 29;
    this.round();
  }

  private round(): void {
    const { words, block, sines } = this;
    let a = words[0]!;
    let b = words[1]!;
    let c = words[2]!;
    let d = words[3]!;
    for (let i = 0; i < 64; i++) {
      const quarter = i >> 4;
      let mixed: number;
      let from: number;
      if (quarter === 0) {
        mixed = (b & c) | (~b & d);
        from = i;
      } else if (quarter === 1) {
        mixed = (d & b) | (~d & c);
        from = (5 * i + 1) & 15;
      } else if (quarter === 2) {
        mixed = b ^ c ^ d;
        from = (3 * i + 5) & 15;
      } else {
        mixed = c ^ (b | ~d);
        from = (7 * i) & 15;
      }
      const sum = (a + mixed + sines[i]! + block[from]!) | 0;
      const shift = SHIFTS[(quarter << 2) | (i & 3)]!;
      a = d;
      d = c;
      c = b;
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
    }
    words[0] = (words[0]! + a) | 0;
    words[1] = (words[1]! + b) | 0;
    words[2] = (words[2]! + c) | 0;
    words[3] = (words[3]! + d) | 0;
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
