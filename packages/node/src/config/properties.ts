/**
 * Reads Java's .properties format (java.util.Properties): comments, separators, continued lines, escapes.
 * Unlike Java, drops blanks at the end of a value. Pure.
 */

/** Keys and values in the order of the file; a duplicate key keeps its last value, as in Java. */
export function parseProperties(content: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of logicalLines(content)) {
    const [key, value] = splitLine(line);
    values.set(unescaped(key), unescaped(value));
  }
  return values;
}

/** Joins lines that end in an odd number of backslashes; drops blank lines and comments. */
function logicalLines(content: string): string[] {
  const lines: string[] = [];
  let continued: string | undefined;
  for (const natural of content.split(/\r\n|\r|\n/)) {
    const line = natural.trimStart();
    if (continued === undefined && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue;
    const backslashes = /\\*$/.exec(line)![0].length;
    const joined: string = (continued ?? '') + (backslashes % 2 === 1 ? line.slice(0, -1) : line);
    if (backslashes % 2 === 1) {
      continued = joined;
    } else {
      lines.push(joined);
      continued = undefined;
    }
  }
  if (continued !== undefined) lines.push(continued);
  return lines;
}

/**
 * Splits a line into key and value. The key ends at the first separator (=, : or blank) that is not escaped.
 */
function splitLine(line: string): [string, string] {
  let end = 0;
  while (end < line.length && !/[=:\s]/.test(line[end]!)) end += line[end] === '\\' ? 2 : 1;
  const rest = line.slice(end).replace(/^\s*[=:]?\s*/, '');
  return [line.slice(0, end), rest.trimEnd()];
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9A-Fa-f]{4})|([\s\S]))/g, (_all, hex?: string, character?: string) =>
    hex === undefined
      ? (ESCAPES[character ?? ''] ?? character ?? '')
      : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
