/**
 * Reads and writes text and uuids, and allocates memory, with the native methods of node's `Buffer`. These
 * methods take any Uint8Array as `this`, so no function here creates a view first. In this package, only this
 * file calls Buffer.
 */
import type { Uuid } from '@millrace/base';

interface NativeText {
  utf8Slice(this: Uint8Array, start: number, end: number): string;
  utf8Write(this: Uint8Array, text: string, position: number, bytesMax: number): number;
  base64urlSlice(this: Uint8Array, start: number, end: number): string;
  base64urlWrite(this: Uint8Array, text: string, position: number, bytesMax: number): number;
}

const { utf8Slice, utf8Write, base64urlSlice, base64urlWrite } = Buffer.prototype as unknown as NativeText;

/** For a text of at most this many characters, a plain loop is quicker than native code. */
const SHORT = 24;

/** Text of the bytes start .. end; invalid UTF-8 reads as U+FFFD. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  return start === end ? '' : utf8Slice.call(bytes, start, end);
}

/** Writes a text and returns its size in bytes. The target must have room for 3 bytes a character. */
export function writeUtf8(bytes: Uint8Array, position: number, text: string): number {
  const { length } = text;
  if (length > SHORT) return utf8Write.call(bytes, text, position, length * 3);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return i + utf8Write.call(bytes, text.slice(i), position + i, (length - i) * 3);
    bytes[position + i] = code;
  }
  return length;
}

/** Size of a text in UTF-8, in bytes. */
export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text);
}

/** The uuid in the 16 bytes at `position`, in text form. */
export function readUuid(bytes: Uint8Array, position: number): Uuid {
  return base64urlSlice.call(bytes, position, position + 16) as Uuid;
}

/** Writes the 16 bytes of a well-formed id. Returns the number of bytes written. */
export function writeUuid(bytes: Uint8Array, position: number, uuid: Uuid): number {
  return base64urlWrite.call(bytes, uuid, position, 16);
}

/** Memory with arbitrary content: the caller must overwrite every byte before other code sees it. */
export function allocateUnsafe(sizeBytes: number): Uint8Array {
  return Buffer.allocUnsafe(sizeBytes);
}
