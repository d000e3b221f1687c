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

/**
 * Returns at most the first SHORT_CHARS code units of a text. Copies them, because a slice would keep the
 * whole text in memory.
 */
export function shortened(text: string): string {
  if (text.length <= SHORT_CHARS) return text;
  const start = Array.from(text.slice(0, SHORT_CHARS));
  // The last unit may be the first half of a surrogate pair. Then it is left out.
  if (start.at(-1)!.length === 1 && /[\ud800-\udbff]/.test(start.at(-1)!)) start.pop();
  return start.join('');
}
