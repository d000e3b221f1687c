/**
 * Compressed payloads whose output is empty or almost empty. With these, `npm run bench:check` measures the
 * cost of reading a compressed byte (INPUT_WORK in record-check.ts).
 */
import { zstdCompressSync } from 'node:zlib';
import { Compression } from '@millrace/protocol';

/** For each payload: its name, its codec, and its bytes (about `sizeBytes`). */
export function hollowPayloads(sizeBytes: number): [string, Compression, Uint8Array][] {
  return [
    ['gzip, code tables', Compression.GZIP, emptyDynamicBlocks(sizeBytes)],
    ['snappy, no bytes', Compression.SNAPPY, repeated(XERIAL, [0, 0, 0, 1, 0], sizeBytes, [])],
    ['lz4, no bytes', Compression.LZ4, repeated(LZ4_FRAME, [1, 0, 0, 0, 0], sizeBytes, [0, 0, 0, 0])],
    ['zstd, no bytes', Compression.ZSTD, repeated(ZSTD_FRAME, [0, 0, 0], sizeBytes, [1, 0, 0])],
    ['zstd, code tables', Compression.ZSTD, smallZstdBlocks(sizeBytes)],
  ];
}

const XERIAL = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1];
const LZ4_FRAME = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
/** The start of a zstd frame: a window of 2^17 bytes, and no content size. */
const ZSTD_FRAME = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
const GZIP_HEADER = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

function repeated(
  head: readonly number[],
  block: readonly number[],
  sizeBytes: number,
  end: readonly number[],
): Uint8Array {
  const count = Math.floor(sizeBytes / block.length);
  const bytes = new Uint8Array(head.length + count * block.length + end.length);
  bytes.set(head);
  for (let i = 0; i < count; i++) bytes.set(block, head.length + i * block.length);
  bytes.set(end, bytes.length - end.length);
  return bytes;
}

/** Deflate blocks that contain only the description of their codes (RFC 1951, 3.2.7) and the end mark. */
function emptyDynamicBlocks(sizeBytes: number): Uint8Array {
  const bits: number[] = [];
  const put = (value: number, count: number) => {
    for (let i = 0; i < count; i++) bits.push((value >> i) & 1);
  };
  // The code lengths of the code length alphabet, in the format's order. Symbols 18 (many zeros) and 1 have
  // codes of one bit, the others have none.
  const lengths = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  const block = (last: number) => {
    put(last | (2 << 1), 3);
    put(0, 5);
    put(0, 5);
    put(lengths.length - 4, 4);
    for (const length of lengths) put(length, 3);
    // 256 symbols without a code, then the end of the block and one distance.
    for (const zeros of [138, 118]) {
      put(1, 1);
      put(zeros - 11, 7);
    }
    put(0, 3);
  };
  while (bits.length < sizeBytes * 8) block(0);
  block(1);
  const deflated = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [index, bit] of bits.entries()) deflated[index >> 3]! |= bit << (index & 7);
  const bytes = new Uint8Array(GZIP_HEADER.length + deflated.length + 8);
  bytes.set(GZIP_HEADER);
  bytes.set(deflated, GZIP_HEADER.length);
  return bytes;
}

/** A zstd payload that repeats one small compressed block. The block has its own code tables. */
function smallZstdBlocks(sizeBytes: number): Uint8Array {
  const text = Array.from({ length: 14 }, (_, i) => `"${['user', 'at'][i & 1]}":${(i * 2654435761) >>> 18}`);
  const frame = zstdCompressSync(text.join(','));
  // The frame is a single segment of less than 256 bytes: magic, descriptor, a size of one byte, one block.
  const block = [...frame.subarray(6)];
  block[0]! &= 0xfe;
  return repeated(ZSTD_FRAME, block, sizeBytes, [1, 0, 0]);
}
