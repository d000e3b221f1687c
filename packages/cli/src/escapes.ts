/** The escape sequences that the text of an option may have: \n \r \t \0 \\ and \xHH. */

const NAMED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', 0: '\0' };

/** Replaces the escape sequences in the text. A backslash before any other character stays. */
export function unescaped(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-fA-F]{2})|([nrt0\\]))/g,
    (_whole, hex: string | undefined, name: string) =>
      hex === undefined ? NAMED[name]! : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
