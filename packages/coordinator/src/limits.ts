/** Limits on texts that clients choose. */
import { utf8Bytes } from '@millrace/protocol';

/** The longest text that fits into a record, in UTF-8. */
const TEXT_BYTES_MAX = 32_767;
/** A UTF-16 code unit has at most this many bytes in UTF-8. */
const BYTES_OF_UNIT_MAX = 3;
/** The most UTF-16 code units that `shortened` keeps. */
const SHORT_CHARS = 255;

/** True if a record can hold the text. Null stands for no text, and fits. */
export function fitsRecord(text: string | null): boolean {
  if (text === null || text.length * BYTES_OF_UNIT_MAX <= TEXT_BYTES_MAX) return true;
  return utf8Bytes(text) <= TEXT_BYTES_MAX;
}

/** The first characters of a text, copied: a slice would keep the memory of the whole text. */
export function shortened(text: string): string {
  if (text.length <= SHORT_CHARS) return text;
  const start = Array.from(text.slice(0, SHORT_CHARS));
  // The cut may have split a pair of surrogates.
  if (start.at(-1)!.length === 1 && /[\ud800-\udbff]/.test(start.at(-1)!)) start.pop();
  return start.join('');
}
