/**
 * Snappy, in the two forms that Kafka clients send. Java, sarama and others send the framing of the Java
 * library xerial: a header and a sequence of raw blocks. librdkafka, franz-go and platformatic send one bare
 * raw block. This code reads both forms, and writes xerial's. Own code from the format's description
 * (google/snappy, format_description.txt).
 */
import { assert } from '@millrace/base';
import { allocateUnsafe } from '../bytes.ts';
import { DecodeError } from '../decode-error.ts';
import { ByteCollector, type ByteSink, TooLargeError } from './unfold.ts';

/** 0x82 "SNAPPY" 0x00, version 1, compatible with version 1. */
const XERIAL_HEADER = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1);
const XERIAL_MAGIC_BYTES = 8;
const XERIAL_BLOCK_BYTES = 32 * 1024;
/**
 * The reader decompresses each block into one buffer. It refuses a block that needs a larger buffer than
 * this.
 */
export const SNAPPY_BLOCK_BYTES_MAX = 128 * 1024 * 1024;

/** Compresses in xerial's framing. */
export function snappyCompress(plain: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [XERIAL_HEADER];
  for (let start = 0; start < plain.length; start += XERIAL_BLOCK_BYTES) {
    const block = snappyCompressBlock(plain.subarray(start, start + XERIAL_BLOCK_BYTES));
    const size = new Uint8Array(4);
    new DataView(size.buffer).setInt32(0, block.length);
    parts.push(size, block);
  }
  const whole = new ByteCollector();
  for (const part of parts) whole.push(part);
  return whole.finish();
}

/** Decompresses xerial's framing or a bare block, to at most `maxBytes`. Throws DecodeError. */
export function snappyDecompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const whole = new ByteCollector();
  snappyUnfold(bytes, maxBytes, whole);
  return whole.finish();
}

/**
 * Decompresses xerial's blocks one by one, or a bare block at once. Accepts several xerial streams in a row.
 * Ignores the versions in their headers, and an incomplete block size at the end. Throws DecodeError.
 */
export function snappyUnfold(bytes: Uint8Array, maxBytes: number, sink: ByteSink): void {
  if (!isXerial(bytes, 0)) {
    sink.push(snappyDecompressBlock(bytes, Math.min(maxBytes, SNAPPY_BLOCK_BYTES_MAX)));
    return;
  }
  let left = maxBytes;
  for (let at = XERIAL_HEADER.length; bytes.length - at >= 4; ) {
    if (isXerial(bytes, at)) {
      at += XERIAL_HEADER.length;
      continue;
    }
    const sizeBytes = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    at += 4;
    if (sizeBytes < 0 || sizeBytes > bytes.length - at) throw new DecodeError('snappy: block cut short');
    const block = bytes.subarray(at, at + sizeBytes);
    const plain = snappyDecompressBlock(block, Math.min(left, SNAPPY_BLOCK_BYTES_MAX));
    left -= plain.length;
    if (!sink.push(plain)) return;
    at += sizeBytes;
  }
}

function isXerial(bytes: Uint8Array, at: number): boolean {
  if (bytes.length - at < XERIAL_HEADER.length) return false;
  for (let i = 0; i < XERIAL_MAGIC_BYTES; i++) if (bytes[at + i] !== XERIAL_HEADER[i]) return false;
  return true;
}

/** Decompresses a raw block: the plain size as a varint, then literals and copies of earlier bytes. */
export function snappyDecompressBlock(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const { sizeBytes, position } = plainSize(bytes);
  // Every 3 bytes decompress to at most 64, so a claimed size above 32 times the input is wrong. Do not
  // allocate memory for it.
  if (sizeBytes > bytes.length * 32) throw new DecodeError('snappy: more bytes than allowed');
  if (sizeBytes > maxBytes) throw new TooLargeError('snappy');
  const plain = allocateUnsafe(sizeBytes);
  let from = position;
  let to = 0;
  while (from < bytes.length) {
    const tag = bytes[from++]!;
    let length = (tag >> 2) + 1;
    if ((tag & 3) === 0) {
      if (length > 60) {
        const lengthBytes = length - 60;
        length = littleEndian(bytes, from, lengthBytes) + 1;
        from += lengthBytes;
      }
      if (length > bytes.length - from || length > sizeBytes - to)
        throw new DecodeError('snappy: literal too long');
      if (length < 16) for (let i = 0; i < length; i++) plain[to + i] = bytes[from + i]!;
      else plain.set(bytes.subarray(from, from + length), to);
      from += length;
    } else {
      const offsetBytes = (tag & 3) === 3 ? 4 : tag & 3;
      let offset = littleEndian(bytes, from, offsetBytes);
      from += offsetBytes;
      if (offsetBytes === 1) {
        offset |= (tag & 0xe0) << 3;
        length = ((tag >> 2) & 7) + 4;
      }
      if (offset === 0 || offset > to || length > sizeBytes - to)
        throw new DecodeError('snappy: copy from or to nowhere');
      if (offset >= length) plain.copyWithin(to, to - offset, to - offset + length);
      else for (let i = 0; i < length; i++) plain[to + i] = plain[to + i - offset]!;
    }
    to += length;
  }
  if (to !== sizeBytes) throw new DecodeError('snappy: fewer bytes than announced');
  return plain;
}

function plainSize(bytes: Uint8Array): { sizeBytes: number; position: number } {
  let sizeBytes = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[i];
    if (byte === undefined) throw new DecodeError('snappy: no size');
    sizeBytes += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { sizeBytes, position: i + 1 };
  }
  throw new DecodeError('snappy: size too long');
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  if (count > bytes.length - at) throw new DecodeError('snappy: cut short');
  let value = 0;
  for (let i = count - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!;
  return value;
}

const HASH_BITS = 14;

/** Compresses one raw block of at most 64 KiB, so that every offset fits into two bytes. */
export function snappyCompressBlock(plain: Uint8Array): Uint8Array {
  assert(plain.length <= 0x10000, 'snappy blocks hold at most 64 KiB');
  const out = allocateUnsafe(32 + plain.length + Math.ceil(plain.length / 6));
  const table = new Uint16Array(1 << HASH_BITS);
  let to = putVarint(out, 0, plain.length);
  let literalStart = 0;
  let at = 0;
  // A zero in the table means "position 0". Like any other candidate, this position counts only if its bytes
  // match.
  for (const last = plain.length - 4; at <= last; ) {
    const word = wordAt(plain, at);
    const hash = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS);
    const candidate = table[hash]!;
    table[hash] = at;
    if (candidate >= at || wordAt(plain, candidate) !== word) {
      at += 1 + ((at - literalStart) >> 5);
      continue;
    }
    let length = 4;
    while (at + length < plain.length && plain[candidate + length] === plain[at + length]) length++;
    to = putLiteral(out, to, plain, literalStart, at);
    to = putCopy(out, to, at - candidate, length);
    at += length;
    literalStart = at;
  }
  to = putLiteral(out, to, plain, literalStart, plain.length);
  return out.subarray(0, to);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function putVarint(out: Uint8Array, at: number, value: number): number {
  let to = at;
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) out[to++] = (rest & 0x7f) | 0x80;
  out[to++] = rest;
  return to;
}

function putLiteral(out: Uint8Array, at: number, plain: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 0) return at;
  let to = at;
  if (length <= 60) out[to++] = (length - 1) << 2;
  else if (length <= 0x100) {
    out[to++] = 60 << 2;
    out[to++] = length - 1;
  } else {
    out[to++] = 61 << 2;
    out[to++] = length - 1;
    out[to++] = (length - 1) >> 8;
  }
  out.set(plain.subarray(start, end), to);
  return to + length;
}

/** Writes a copy in pieces of 4 to 64 bytes. */
function putCopy(out: Uint8Array, at: number, offset: number, length: number): number {
  let to = at;
  let left = length;
  while (left > 0) {
    const piece = left > 64 ? (left < 68 ? 60 : 64) : left;
    if (piece < 12 && offset < 0x800) {
      out[to++] = ((offset >> 8) << 5) | ((piece - 4) << 2) | 1;
      out[to++] = offset;
    } else {
      out[to++] = ((piece - 1) << 2) | 2;
      out[to++] = offset;
      out[to++] = offset >> 8;
    }
    left -= piece;
  }
  return to;
}
