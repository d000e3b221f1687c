import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HistoryWriter } from '../../src/history/writer.ts';
import { endLine, runLine } from './lines.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chaos-history-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('HistoryWriter', () => {
  it('writes every line in the order in which it came', async () => {
    const file = join(folder, 'history.jsonl');
    const writer = new HistoryWriter(file);
    writer.add(runLine());
    for (let atUs = 0; atUs < 20_000; atUs++) writer.add({ line: 'fault-ends', id: 1, toUs: atUs });
    writer.add(endLine());
    await writer.close();
    await writer.close();
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(20_002);
    expect(JSON.parse(lines[20_000]!)).toEqual({ line: 'fault-ends', id: 1, toUs: 19_999 });
  });

  it('has each line in the file after a flush', async () => {
    const file = join(folder, 'history.jsonl');
    const writer = new HistoryWriter(file);
    writer.add(runLine());
    await writer.flush();
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(2);
    await writer.close();
  });

  it('says that it is full when the file lags, and has room again after the file caught up', async () => {
    const writer = new HistoryWriter(join(folder, 'history.jsonl'));
    const note = 'x'.repeat(1 << 20);
    for (let count = 0; count < 20; count++) writer.add({ line: 'end', atUs: 1, isComplete: true, note });
    expect(writer.isFull).toBe(true);
    await writer.room();
    expect(writer.isFull).toBe(false);
    await writer.close();
  });

  it('rejects when the file exists, and leaves the file alone', async () => {
    const file = join(folder, 'history.jsonl');
    writeFileSync(file, 'precious');
    const writer = new HistoryWriter(file);
    writer.add(runLine());
    await expect(writer.flush()).rejects.toThrow('EEXIST');
    expect(writer.failure).toBeDefined();
    await expect(writer.close()).rejects.toThrow('EEXIST');
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  it('refuses a line after close', async () => {
    const writer = new HistoryWriter(join(folder, 'history.jsonl'));
    await writer.close();
    expect(() => writer.add(runLine())).toThrow(`the history is closed, and cannot take a line 'run'`);
  });
});
