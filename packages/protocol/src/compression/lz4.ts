/**
 * LZ4 frames as Kafka's record batches hold them: version 1, independent blocks. Own code from the
 * descriptions of the block and the frame format (lz4/lz4, doc/).
 *
 *     frame = magic, FLG, BD, [content size 8 bytes], header checksum,
 *             blocks { size int32 LE (top bit: not compressed; size 0: the end), bytes, [checksum] },
 *             [content checksum]
 */
import { allocateUnsafe } from '../bytes.ts';
import { DecodeError } from '../decode-error.ts';
import { ByteCollector, type ByteSink, TooLargeError } from './unfold.ts';
import { xxhash32 } from './xxhash32.ts';

const MAGIC = 0x184d2204;
const VERSION_1 = 0x40;
const INDEPENDENT_BLOCKS = 0x20;
const BLOCK_CHECKSUMS = 0x10;
const CONTENT_SIZE = 0x08;
const CONTENT_CHECKSUM = 0x04;
/** A reserved bit, and the bit that announces a dictionary. */
const RESERVED_FLAGS = 0x03;
const STORED = 0x80000000;
/** The frame's code for blocks of at most 64 KiB. The codes 5, 6 and 7 stand for 256 KiB, 1 MiB and 4 MiB. */
const BLOCK_64K = 4;
const BLOCK_BYTES = 64 * 1024;

export function lz4Compress(plain: Uint8Array): Uint8Array {
  const blocks = Math.ceil(plain.length / BLOCK_BYTES);
  const out = allocateUnsafe(7 + plain.length + blocks * 4 + 4);
  putWord(out, 0, MAGIC);
  out[4] = VERSION_1 | INDEPENDENT_BLOCKS;
  out[5] = BLOCK_64K << 4;
  out[6] = xxhash32(out, 4, 6) >> 8;
  const blockBytes = Math.min(BLOCK_BYTES, plain.length);
  const scratch = allocateUnsafe(blockBytes + Math.ceil(blockBytes / 255) + 16);
  let to = 7;
  for (let start = 0; start < plain.length; start += BLOCK_BYTES) {
    const block = plain.subarray(start, start + BLOCK_BYTES);
    const sizeBytes = compressBlock(block, scratch);
    const stored = sizeBytes >= block.length;
    putWord(out, to, stored ? block.length | STORED : sizeBytes);
    out.set(stored ? block : scratch.subarray(0, sizeBytes), to + 4);
    to += 4 + (stored ? block.length : sizeBytes);
  }
  putWord(out, to, 0);
  return out.subarray(0, to + 4);
}

interface FrameHeader {
  readonly flags: number;
  readonly blockBytesMax: number;
  /** Where the blocks begin. */
  readonly position: number;
}

/** Decompresses one frame to at most `maxBytes`. Throws DecodeError. */
export function lz4Decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const whole = new ByteCollector();
  lz4Unfold(bytes, maxBytes, whole);
  return whole.finish();
}

/**
 * Decompresses the first frame block by block. Like Kafka's reader, it does not check content size and
 * content checksum, and ignores bytes behind the frame. Throws DecodeError.
 */
export function lz4Unfold(bytes: Uint8Array, maxBytes: number, sink: ByteSink): void {
  const header = frameHeader(bytes);
  const block = new Block(bytes.length, header.blockBytesMax);
  let left = maxBytes;
  let at = header.position;
  for (;;) {
    const size = wordAt(bytes, at);
    at += 4;
    const sizeBytes = size & ~STORED;
    if (sizeBytes === 0) break;
    if (sizeBytes > header.blockBytesMax || sizeBytes > bytes.length - at)
      throw new DecodeError('lz4: block cut short or too large');
    if (header.flags & BLOCK_CHECKSUMS) {
      if (xxhash32(bytes, at, at + sizeBytes) !== wordAt(bytes, at + sizeBytes) >>> 0)
        throw new DecodeError('lz4: block checksum is wrong');
    }
    const plain = size < 0 ? bytes.subarray(at, at + sizeBytes) : block.decompress(bytes, at, at + sizeBytes);
    left -= plain.length;
    if (left < 0) throw new TooLargeError('lz4');
    if (!sink.push(plain)) return;
    at += sizeBytes + (header.flags & BLOCK_CHECKSUMS ? 4 : 0);
  }
  if (header.flags & CONTENT_CHECKSUM && at + 4 > bytes.length) throw new DecodeError('lz4: cut short');
}

function frameHeader(bytes: Uint8Array): FrameHeader {
  if (wordAt(bytes, 0) !== MAGIC) throw new DecodeError('lz4: no frame');
  if (bytes.length < 7) throw new DecodeError('lz4: frame cut short');
  const flags = bytes[4]!;
  const sizes = bytes[5]!;
  const sizeCode = sizes >> 4;
  if ((flags & (0xc0 | RESERVED_FLAGS)) !== VERSION_1 || (sizes & 0x8f) !== 0 || sizeCode < BLOCK_64K)
    throw new DecodeError('lz4: a frame that Kafka does not have');
  if ((flags & INDEPENDENT_BLOCKS) === 0) throw new DecodeError('lz4: linked blocks');
  const end = 6 + (flags & CONTENT_SIZE ? 8 : 0);
  if (end >= bytes.length) throw new DecodeError('lz4: frame cut short');
  if (((xxhash32(bytes, 4, end) >> 8) & 0xff) !== bytes[end])
    throw new DecodeError('lz4: header checksum is wrong');
  return { flags, blockBytesMax: 1 << (2 * sizeCode + 8), position: end + 1 };
}

/** Small batches of text usually decompress to at most this many times their size. */
const USUAL_RATIO = 4;

/** Holds one decompressed block at a time. Refuses a block that is larger than the frame announces. */
class Block {
  private bytes: Uint8Array;
  private sizeBytes = 0;
  private readonly maxBytes: number;

  /**
   * Allocates a small buffer for a small frame, because each call of `lz4Unfold` allocates a buffer of its
   * own.
   */
  constructor(frameBytes: number, maxBytes: number) {
    this.bytes = allocateUnsafe(Math.min(BLOCK_BYTES, USUAL_RATIO * frameBytes));
    this.maxBytes = maxBytes;
  }

  /** Returns the decompressed block. The next call overwrites it. */
  decompress(bytes: Uint8Array, start: number, end: number): Uint8Array {
    this.sizeBytes = 0;
    decompressBlock(bytes, start, end, this);
    return this.bytes.subarray(0, this.sizeBytes);
  }

  /** Makes room for `sizeBytes` more bytes and returns their position. */
  private claim(sizeBytes: number): number {
    const start = this.sizeBytes;
    this.sizeBytes = start + sizeBytes;
    if (this.sizeBytes > this.maxBytes) throw new DecodeError('lz4: block larger than announced');
    if (this.sizeBytes > this.bytes.length) {
      const grown = allocateUnsafe(Math.max(this.bytes.length * 2, this.sizeBytes));
      grown.set(this.bytes.subarray(0, start));
      this.bytes = grown;
    }
    return start;
  }

  append(source: Uint8Array, from: number, sizeBytes: number): void {
    const to = this.claim(sizeBytes);
    const { bytes } = this;
    if (sizeBytes < 16) for (let i = 0; i < sizeBytes; i++) bytes[to + i] = source[from + i]!;
    else bytes.set(source.subarray(from, from + sizeBytes), to);
  }

  /** Appends a copy of the bytes that lie `offset` back; source and target may overlap. */
  repeat(offset: number, sizeBytes: number): void {
    if (offset === 0 || offset > this.sizeBytes) throw new DecodeError('lz4: copy from nowhere');
    const to = this.claim(sizeBytes);
    const { bytes } = this;
    if (offset >= sizeBytes) bytes.copyWithin(to, to - offset, to - offset + sizeBytes);
    else for (let i = 0; i < sizeBytes; i++) bytes[to + i] = bytes[to + i - offset]!;
  }
}

function decompressBlock(bytes: Uint8Array, start: number, end: number, output: Block): void {
  let at = start;
  // A length of 15 continues: add the following bytes, up to and including the first one below 255.
  const extended = (length: number): number => {
    if (length < 15) return length;
    let total = length;
    for (;;) {
      if (at >= end) throw new DecodeError('lz4: length cut short');
      const byte = bytes[at++]!;
      total += byte;
      if (byte < 255) return total;
    }
  };
  while (at < end) {
    const token = bytes[at++]!;
    const literals = extended(token >> 4);
    if (literals > end - at) throw new DecodeError('lz4: literals cut short');
    output.append(bytes, at, literals);
    at += literals;
    if (at === end) return;
    if (end - at < 2) throw new DecodeError('lz4: offset cut short');
    const offset = bytes[at]! | (bytes[at + 1]! << 8);
    at += 2;
    output.repeat(offset, extended(token & 15) + 4);
  }
  throw new DecodeError('lz4: a block must end with literals');
}

const HASH_BITS = 14;
/**
 * The format's rules for the end of a block: the last 5 bytes are literals, and the last match begins at
 * least 12 bytes before the end.
 */
const LAST_LITERALS = 5;
const MATCH_LIMIT = 12;

/** Compresses a block of at most 64 KiB into `out`; returns the size. */
function compressBlock(plain: Uint8Array, out: Uint8Array): number {
  const table = new Uint16Array(1 << HASH_BITS);
  const matchEnd = plain.length - LAST_LITERALS;
  let to = 0;
  let literalStart = 0;
  for (let at = 0; at <= plain.length - MATCH_LIMIT; ) {
    const word = wordAt(plain, at);
    const hash = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
    const candidate = table[hash]!;
    table[hash] = at;
    if (candidate >= at || wordAt(plain, candidate) !== word) {
      at += 1 + ((at - literalStart) >> 6);
      continue;
    }
    let length = 4;
    while (at + length < matchEnd && plain[candidate + length] === plain[at + length]) length++;
    to = putSequence(out, to, plain, literalStart, at, length - 4);
    out[to++] = at - candidate;
    out[to++] = (at - candidate) >> 8;
    to = putLengthRest(out, to, length - 4);
    at += length;
    literalStart = at;
  }
  return putSequence(out, to, plain, literalStart, plain.length, 0);
}

/** Writes a token and its literals. */
function putSequence(
  out: Uint8Array,
  at: number,
  plain: Uint8Array,
  literalStart: number,
  literalEnd: number,
  matchCode: number,
): number {
  const literals = literalEnd - literalStart;
  out[at] = (Math.min(literals, 15) << 4) | Math.min(matchCode, 15);
  const to = putLengthRest(out, at + 1, literals);
  out.set(plain.subarray(literalStart, literalEnd), to);
  return to + literals;
}

function putLengthRest(out: Uint8Array, at: number, length: number): number {
  if (length < 15) return at;
  let to = at;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) out[to++] = 255;
  out[to++] = rest;
  return to;
}

function putWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >> 8;
  bytes[at + 2] = value >> 16;
  bytes[at + 3] = value >> 24;
}

/** Reads 4 bytes as a signed number. */
function wordAt(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw new DecodeError('lz4: cut short');
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
