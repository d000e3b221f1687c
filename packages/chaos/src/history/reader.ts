/**
 * Reads a history file line by line, so that a history of any length needs memory for some lines only.
 *
 * A run that was killed may leave a torn last line. The reader leaves such a line out. Every other line must
 * be whole: an error names the file and the line.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { HistoryLine } from '../types.ts';

/** Thrown when a file is not a history. The message names the file and the line. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';
}

const KINDS: ReadonlySet<string> = new Set<HistoryLine['line']>([
  'run',
  'op',
  'fault-begins',
  'fault-ends',
  'sample',
  'lost-sequence',
  'damaged-batch',
  'final',
  'end',
]);

/** The lines of the file in order. Throws a HistoryError, or the error of the file system. */
export async function* readHistory(file: string): AsyncGenerator<HistoryLine, void, undefined> {
  const input = createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 18 });
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  let number = 0;
  /** Why the line before the current one is no JSON. Only the last line of a file may be torn. */
  let torn: HistoryError | undefined;
  try {
    for await (const text of lines) {
      number++;
      if (torn !== undefined) throw torn;
      const parsed = parse(text);
      if (parsed === undefined) {
        torn = new HistoryError(`${file}:${number}: the line is not JSON`);
        continue;
      }
      yield checked(parsed.value, file, number);
    }
  } finally {
    lines.close();
    input.destroy();
  }
  // A file without a single whole line is no history, even if its first line may be torn.
  if (number === 0) throw new HistoryError(`${file}: the file is empty, so it holds no history`);
  if (number === 1 && torn !== undefined) throw torn;
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function checked(value: unknown, file: string, number: number): HistoryLine {
  const fail = (what: string) => new HistoryError(`${file}:${number}: ${what}`);
  if (typeof value !== 'object' || value === null || !('line' in value))
    throw fail(`expected an object with the field 'line'`);
  const { line } = value;
  if (typeof line !== 'string' || !KINDS.has(line))
    throw fail(`unknown kind of line ${JSON.stringify(line)}; known are ${[...KINDS].join(', ')}`);
  if (number === 1 && line !== 'run') throw fail(`the first line is '${line}'; a history begins with 'run'`);
  if (number > 1 && line === 'run') throw fail(`a second line 'run'; only the first line may be 'run'`);
  if (line === 'run') {
    const format = 'format' in value ? value.format : undefined;
    if (format !== 1)
      throw fail(
        `the format ${JSON.stringify(format)} of the history is unknown; this version reads format 1`,
      );
  }
  return value as HistoryLine;
}
