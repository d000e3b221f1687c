/**
 * Gzip members (RFC 1952) around node's raw inflate. Bytes may follow a member that are neither zeros nor
 * another member. Node's own gunzip refuses such bytes. Java's gunzip, which Kafka uses, ignores them. Java
 * also ignores 18 bytes or fewer behind a member, whatever they are.
 */
import { crc32 } from 'node:zlib';
import { DecodeError } from '../decode-error.ts';

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
/** Java looks for another member only if more bytes than this follow a member. */
const IGNORED_BYTES_MAX = 18;
const DEFLATE = 8;
const HEADER_CRC = 0x02;
const EXTRA = 0x04;
const NAME = 0x08;
const COMMENT = 0x10;

/** Start of the deflated bytes of the member at `start`; undefined if no member begins there. */
export function gzipMember(bytes: Uint8Array, start: number): number | undefined {
  let at = start + HEADER_BYTES;
  if (at > bytes.length || bytes[start] !== 0x1f || bytes[start + 1] !== 0x8b || bytes[start + 2] !== DEFLATE)
    return undefined;
  const flags = bytes[start + 3]!;
  if (flags & EXTRA) at += 2 + ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
  if (flags & NAME) at = behindZero(bytes, at);
  if (flags & COMMENT) at = behindZero(bytes, at);
  if (flags & HEADER_CRC) {
    const stored = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    if (stored !== (crc32(bytes.subarray(start, at)) & 0xffff)) return undefined;
    at += 2;
  }
  return at <= bytes.length ? at : undefined;
}

function behindZero(bytes: Uint8Array, from: number): number {
  const at = bytes.indexOf(0, from);
  return at < 0 ? bytes.length + 1 : at + 1;
}

/**
 * Checks the trailer of a member at `at`. `crc` and `sizeBytes` are those of the member's decompressed bytes.
 * Returns the end of the member. Throws DecodeError.
 */
export function gzipTrailer(bytes: Uint8Array, at: number, crc: number, sizeBytes: number): number {
  if (at + TRAILER_BYTES > bytes.length) throw new DecodeError('gzip: cut short');
  if (word(bytes, at) !== crc >>> 0) throw new DecodeError('gzip: checksum is wrong');
  if (word(bytes, at + 4) !== sizeBytes % 2 ** 32) throw new DecodeError('gzip: size is wrong');
  return at + TRAILER_BYTES;
}

/** Start of the next member's deflated bytes; undefined if there is no other member. */
export function nextGzipMember(bytes: Uint8Array, end: number): number | undefined {
  return bytes.length - end > IGNORED_BYTES_MAX ? gzipMember(bytes, end) : undefined;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
