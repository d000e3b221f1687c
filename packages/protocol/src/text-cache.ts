/**
 * Decodes texts and ids that often repeat, for example the group id in the records of __consumer_offsets.
 * Equal bytes decode to the same string object as long as the cache keeps it. So a reader that keeps many
 * decoded records keeps each text once, and need not decode it again.
 *
 * A cache has a fixed number of places. The hash of a text or id decides which place it takes, and a newer
 * text replaces the older one. The cache never answers with another text: it compares all bytes.
 */
import type { Uuid } from '@millrace/base';
import { readUtf8, readUuid } from './bytes.ts';

/** A power of two. */
const TEXT_PLACES = 4096;
/** A power of two. */
const ID_PLACES = 256;
const ID_WORDS = 4;
/** Longer texts are rare, and would let the cache take much memory. */
const TEXT_BYTES_MAX = 64;
/** The hash looks at this many bytes at each end of a text. */
const HASHED_BYTES = 8;

export class TextCache {
  /** Only ASCII: each character of such a text has the value of its byte. */
  private readonly texts: (string | undefined)[] = new Array(TEXT_PLACES).fill(undefined);
  private readonly ids: (Uuid | undefined)[] = new Array(ID_PLACES).fill(undefined);
  /** The bytes of the id at each place of `ids`. */
  private readonly idWords = new Int32Array(ID_PLACES * ID_WORDS);

  /** Like `readUtf8`. */
  text(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length === 0) return '';
    if (length > TEXT_BYTES_MAX) return readUtf8(bytes, start, end);
    const place = hash(bytes, start, end) & (TEXT_PLACES - 1);
    const known = this.texts[place];
    if (known !== undefined && isText(known, bytes, start, length)) return known;
    const text = readUtf8(bytes, start, end);
    // Only ASCII has one character for each byte. Invalid bytes also decode to one character each, but this
    // character differs from every byte, so such a text never equals any bytes.
    if (text.length === length) this.texts[place] = text;
    return text;
  }

  /** Like `readUuid`. */
  uuid(bytes: Uint8Array, position: number): Uuid {
    const a = wordAt(bytes, position);
    const b = wordAt(bytes, position + 4);
    const c = wordAt(bytes, position + 8);
    const d = wordAt(bytes, position + 12);
    const mixed = Math.imul(a ^ Math.imul(b, 0x9e3779b1) ^ Math.imul(c, 0x85ebca6b) ^ d, 0xc2b2ae35);
    const place = (mixed >>> 16) & (ID_PLACES - 1);
    const { idWords } = this;
    const at = place * ID_WORDS;
    const known = this.ids[place];
    const isSame =
      idWords[at] === a && idWords[at + 1] === b && idWords[at + 2] === c && idWords[at + 3] === d;
    if (known !== undefined && isSame) return known;
    const id = readUuid(bytes, position);
    this.ids[place] = id;
    idWords[at] = a;
    idWords[at + 1] = b;
    idWords[at + 2] = c;
    idWords[at + 3] = d;
    return id;
  }
}

function isText(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

/** FNV-1a over the length and the bytes at both ends. Ids often differ only at one of their ends. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5 ^ (end - start);
  const headEnd = Math.min(end, start + HASHED_BYTES);
  for (let i = start; i < headEnd; i++) value = Math.imul(value ^ bytes[i]!, 0x01000193);
  for (let i = Math.max(headEnd, end - HASHED_BYTES); i < end; i++)
    value = Math.imul(value ^ bytes[i]!, 0x01000193);
  return value ^ (value >>> 15);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
