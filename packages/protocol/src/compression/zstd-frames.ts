/**
 * Finds the ends of the frames of a zstd payload (RFC 8878). Kafka's library reads all frames, but Node
 * decompresses the first frame and silently drops the others. So the codecs pass the frames to Node one by
 * one. This file decompresses nothing.
 *
 *     frame = magic, descriptor, [window], [dictionary id], [content size],
 *             blocks { 3-byte header, content }, [checksum]
 *     block header, little endian: last (1 bit), type (2 bits: stored, one byte repeated, compressed),
 *             size (21 bits)
 */
import { DecodeError } from '../decode-error.ts';

const MAGIC = 0xfd2fb528;
/** Magic of skippable frames, without the lowest 4 bits. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const REPEATED = 1;

export interface ZstdFrame {
  readonly end: number;
  /** True if the frame has no content to decompress. */
  readonly isSkippable: boolean;
}

/** The frame that begins at `start`. Throws DecodeError if there is none, or if it is cut. */
export function zstdFrame(bytes: Uint8Array, start: number): ZstdFrame {
  const magic = littleEndian(bytes, start, 4);
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
    const end = start + 8 + littleEndian(bytes, start + 4, 4);
    if (end > bytes.length) throw new DecodeError('zstd: frame cut short');
    return { end, isSkippable: true };
  }
  if (magic !== MAGIC) throw new DecodeError('zstd: no frame');
  const descriptor = littleEndian(bytes, start + 4, 1);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeCode = descriptor >> 6;
  let at = start + 5 + (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3];
  at += isSingleSegment && sizeCode === 0 ? 1 : CONTENT_SIZE_BYTES[sizeCode as 0 | 1 | 2 | 3];
  for (;;) {
    const block = littleEndian(bytes, at, 3);
    at += 3 + (((block >> 1) & 3) === REPEATED ? 1 : block >>> 3);
    if (block & 1) break;
  }
  const end = at + (descriptor & 0x04 ? 4 : 0);
  if (end > bytes.length) throw new DecodeError('zstd: frame cut short');
  return { end, isSkippable: false };
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  if (at + count > bytes.length) throw new DecodeError('zstd: frame cut short');
  let value = 0;
  for (let i = count - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!;
  return value;
}
