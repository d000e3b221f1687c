/**
 * A producer pads the values of its records. Such a value is, for example, `p1-17`, a space, and the padding.
 */
const TEXT = new TextDecoder();

/** The value without its padding. */
export function sentValue(bytes: Uint8Array | null): string {
  const text = bytes === null ? '' : TEXT.decode(bytes);
  const space = text.indexOf(' ');
  return space < 0 ? text : text.slice(0, space);
}
