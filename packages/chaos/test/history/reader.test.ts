import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readHistory } from '../../src/history/reader.ts';
import type { HistoryLine } from '../../src/types.ts';
import { endLine, pollOp, runLine, sendOp } from './lines.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chaos-history-'));
  file = join(folder, 'history.jsonl');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function read(text: string): Promise<HistoryLine[]> {
  writeFileSync(file, text);
  const lines: HistoryLine[] = [];
  for await (const line of readHistory(file)) lines.push(line);
  return lines;
}

const text = (...lines: readonly unknown[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

describe('readHistory', () => {
  it('reads back what was written', async () => {
    const lines: HistoryLine[] = [
      runLine(),
      { line: 'op', op: pollOp(['w1-0', 'w1-1']) },
      { line: 'lost-sequence', client: 'w1', topic: 'orders', partition: 0, value: 'w1-7' },
      endLine(),
    ];
    // JSON has no `undefined`, so a field that is undefined is missing afterwards.
    expect(await read(text(...lines))).toEqual(JSON.parse(JSON.stringify(lines)));
  });

  it('leaves a torn last line out', async () => {
    const whole = text(runLine(), { line: 'op', op: sendOp(['w1-0']) });
    expect(await read(`${whole}{"line":"op","op":{"ty`)).toHaveLength(2);
  });

  it('names the line of a torn line in the middle', async () => {
    await expect(read(`${text(runLine())}{"line":"op"\n${text(endLine())}`)).rejects.toThrow(
      `${file}:2: the line is not JSON`,
    );
  });

  it.each([
    ['an empty file', '', 'the file is empty'],
    ['a file that is no JSON', 'hello\n', ':1: the line is not JSON'],
    ['a file that begins with another line', text(endLine()), `:1: the first line is 'end'`],
    ['an unknown format', text({ ...runLine(), format: 2 }), ':1: the format 2 of the history is unknown'],
    ['a line without a kind', text(runLine(), { op: 1 }), `:2: expected an object with the field 'line'`],
    ['an unknown kind', text(runLine(), { line: 'tea' }), ':2: unknown kind of line "tea"'],
    ['a second run', text(runLine(), runLine()), `:2: a second line 'run'`],
  ])('refuses %s', async (_, content, message) => {
    await expect(read(content)).rejects.toThrow(message);
  });

  it('rejects when there is no file', async () => {
    await expect(readHistory(join(folder, 'none')).next()).rejects.toThrow('ENOENT');
  });
});
