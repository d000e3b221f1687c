/** Limits on texts that clients choose. */

/** A text of this many characters has at most 32,767 bytes in UTF-8: so many fit into a record. */
const TEXT_CHARS_MAX = 10_922;
/** A text that only people read keeps so many characters. */
const SHORT_CHARS = 255;

/** False: a record could not hold the text. Null: no text. */
export function fitsRecord(text: string | null): boolean {
  return text === null || text.length <= TEXT_CHARS_MAX;
}

/** The first characters of a text, copied: a slice would keep the memory of the whole text. */
export function shortened(text: string): string {
  if (text.length <= SHORT_CHARS) return text;
  const start = Array.from(text.slice(0, SHORT_CHARS));
  // The cut may have split a pair of surrogates.
  if (start.at(-1)!.length === 1 && /[\ud800-\udbff]/.test(start.at(-1)!)) start.pop();
  return start.join('');
}
