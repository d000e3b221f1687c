/**
 * MD5 of a record's key (RFC 1321), as four 32-bit words. Kafka's cleaner uses MD5, too. Node's own MD5 makes
 * an object for each call, which costs more than the hash of a short key.
 *
 * The cleaner hashes each key twice, so `round` is written for speed. It has four loops, one for each quarter
 * of the 64 steps. Each turn of a loop does four steps, after which the four registers are back in their
 * places.
 */

/** Number of 32-bit words of a hash. */
export const HASH_WORDS = 4;

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
    const left = end - at;
    const whole = left >> 2;
    for (let i = 0; i < whole; i++) block[i] = wordAt(bytes, at + 4 * i);
    let last = 0x80 << ((left & 3) * 8);
    for (let i = left & ~3; i < left; i++) last |= bytes[at + i]! << ((i & 3) * 8);
    block[whole] = last;
    for (let i = whole + 1; i < 16; i++) block[i] = 0;
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
    for (let i = 0; i < 16; i += 4) {
      a = turned(a + ((b & c) | (~b & d)) + sines[i]! + block[i]!, 7, b);
      d = turned(d + ((a & b) | (~a & c)) + sines[i + 1]! + block[i + 1]!, 12, a);
      c = turned(c + ((d & a) | (~d & b)) + sines[i + 2]! + block[i + 2]!, 17, d);
      b = turned(b + ((c & d) | (~c & a)) + sines[i + 3]! + block[i + 3]!, 22, c);
    }
    for (let i = 16; i < 32; i += 4) {
      a = turned(a + ((d & b) | (~d & c)) + sines[i]! + block[(5 * i + 1) & 15]!, 5, b);
      d = turned(d + ((c & a) | (~c & b)) + sines[i + 1]! + block[(5 * i + 6) & 15]!, 9, a);
      c = turned(c + ((b & d) | (~b & a)) + sines[i + 2]! + block[(5 * i + 11) & 15]!, 14, d);
      b = turned(b + ((a & c) | (~a & d)) + sines[i + 3]! + block[(5 * i) & 15]!, 20, c);
    }
    for (let i = 32; i < 48; i += 4) {
      a = turned(a + (b ^ c ^ d) + sines[i]! + block[(3 * i + 5) & 15]!, 4, b);
      d = turned(d + (a ^ b ^ c) + sines[i + 1]! + block[(3 * i + 8) & 15]!, 11, a);
      c = turned(c + (d ^ a ^ b) + sines[i + 2]! + block[(3 * i + 11) & 15]!, 16, d);
      b = turned(b + (c ^ d ^ a) + sines[i + 3]! + block[(3 * i + 14) & 15]!, 23, c);
    }
    for (let i = 48; i < 64; i += 4) {
      a = turned(a + (c ^ (b | ~d)) + sines[i]! + block[(7 * i) & 15]!, 6, b);
      d = turned(d + (b ^ (a | ~c)) + sines[i + 1]! + block[(7 * i + 7) & 15]!, 10, a);
      c = turned(c + (a ^ (d | ~b)) + sines[i + 2]! + block[(7 * i + 14) & 15]!, 15, d);
      b = turned(b + (d ^ (c | ~a)) + sines[i + 3]! + block[(7 * i + 5) & 15]!, 21, c);
    }
    words[0] = (words[0]! + a) | 0;
    words[1] = (words[1]! + b) | 0;
    words[2] = (words[2]! + c) | 0;
    words[3] = (words[3]! + d) | 0;
  }
}

/** One step of MD5: rotates the sum to the left, and adds `more`. */
function turned(sum: number, bits: number, more: number): number {
  return (more + ((sum << bits) | (sum >>> (32 - bits)))) | 0;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
