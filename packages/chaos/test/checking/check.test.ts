import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { historyCheckers } from '@millrace/checkers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CheckOptions, checkHistory } from '../../src/checking/check.ts';
import type { HistoryLine, Verdict } from '../../src/types.ts';
import { endLine, finalLine, pollOp, runLine, sendOp } from '../history/lines.ts';
import { anomalyCases } from './anomaly-table.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chaos-check-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function checkLines(lines: readonly HistoryLine[], options?: CheckOptions): Promise<Verdict> {
  const file = join(folder, 'history.jsonl');
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return checkHistory(file, options);
}

const complete = (lines: readonly HistoryLine[]) => [runLine(), ...lines, endLine()];
const namesOf = ({ anomalies }: Verdict) => anomalies.map(({ name }) => name);
const sentTo = (partition: number, ...values: string[]): HistoryLine => ({
  line: 'op',
  op: sendOp(values, { partition }),
});
const lossy = [sentTo(0, 'w1-0', 'w1-1'), finalLine(['w1-0'])];

describe('checkHistory finds each anomaly', () => {
  it('has a case for every checker but the one that needs batch headers, which no client records', () => {
    const known = historyCheckers
      .map(({ name }) => name)
      .filter((name) => name !== 'wrong-largest-timestamp');
    expect(anomalyCases.map(({ name }) => name).sort()).toEqual(known.sort());
  });

  it.each(anomalyCases)('$name: the bad history fails', async ({ name, bad }) => {
    const verdict = await checkLines(complete(bad));
    expect(namesOf(verdict)).toContain(name);
    expect(verdict.isGood).toBe(false);
    expect(verdict.sentence).toContain('broken');
  });

  it.each(anomalyCases)('$name: the good history passes', async ({ good }) => {
    const verdict = await checkLines(complete(good));
    expect(verdict.anomalies).toEqual([]);
    expect(verdict.isGood).toBe(true);
  });
});

describe('checkHistory in several passes', () => {
  const many = [0, 1, 2, 3].flatMap((partition) => [
    sentTo(partition, `w1-${2 * partition}`, `w1-${2 * partition + 1}`),
    finalLine(partition === 2 ? [] : [`w1-${2 * partition}`, `w1-${2 * partition + 1}`], partition),
  ]);

  it('finds the same with one partition in memory as with all', async () => {
    const all = await checkLines(complete(many));
    expect(await checkLines(complete(many), { weightMax: 1 })).toEqual(all);
    expect(await checkLines(complete(many), { weightMax: Number.POSITIVE_INFINITY })).toEqual(all);
    expect(new Set(all.anomalies.map(({ topic, partition }) => `${topic}-${partition}`))).toEqual(
      new Set(['orders-2']),
    );
  });

  it('finds a stray record in a partition to which nobody wrote', async () => {
    const lines = [sentTo(0, 'w1-0'), finalLine(['w1-0'], 0), finalLine(['w1-0', 'w1-0'], 1)];
    const verdict = await checkLines(complete(lines), { weightMax: 1 });
    expect(namesOf(verdict)).toEqual(expect.arrayContaining(['never-sent', 'duplicate']));
  });

  it('finds a fenced commit in each partition, whatever partitions share a pass', async () => {
    const { bad } = anomalyCases.find(({ name }) => name === 'fenced-commit-accepted')!;
    const other = [sentTo(1, 'w1-5'), finalLine(['w1-5'], 1)];
    const verdict = await checkLines(complete([...other, ...bad]), { weightMax: 1 });
    expect(namesOf(verdict)).toEqual(['fenced-commit-accepted']);
  });
});

describe('the verdict', () => {
  it('counts what was acknowledged, read back and broken', async () => {
    const begins: HistoryLine = {
      line: 'fault-begins',
      id: 1,
      kind: 'crash-leader',
      sentence: 'kill -9',
      nodes: [4],
      fromUs: 1,
    };
    const { sentence, isGood } = await checkLines(complete([begins, sentTo(0, 'w1-0'), finalLine(['w1-0'])]));
    expect(sentence).toBe('No promise was broken: 1 record acknowledged, 1 read back, 1 fault.');
    expect(isGood).toBe(true);
  });

  it('reports an allowed anomaly, and does not fail', async () => {
    const why = 'acks=1 may lose records in a crash';
    const allow = (...checkers: string[]) =>
      runLine({ allowances: checkers.map((checker) => ({ topic: 'orders', checker, why })) });
    const [send, final] = lossy;
    const all = await checkLines([allow('lost-write', 'wrong-offset', 'unseen'), send!, final!, endLine()]);
    expect(all.isGood).toBe(true);
    expect(all.anomalies.map(({ allowedBecause }) => allowedBecause)).toEqual([why, why, why]);
    expect(all.sentence).toContain(
      'The settings allow what else happened: lost-write, wrong-offset, unseen.',
    );
    const some = await checkLines([allow('lost-write', 'unseen'), send!, final!, endLine()]);
    expect(some.isGood).toBe(false);
    expect(some.sentence).toContain('A promise was broken: wrong-offset.');
  });

  it('does not allow in one topic what another topic may do', async () => {
    const run = runLine({ allowances: [{ topic: 'weak', checker: 'lost-write', why: 'acks=1' }] });
    expect((await checkLines([run, ...lossy, endLine()])).isGood).toBe(false);
  });

  it('counts records that acks=1 lost before anyone read them', async () => {
    const send: HistoryLine = { line: 'op', op: sendOp(['w1-0', 'w1-1'], { acks: 1, idempotent: false }) };
    const verdict = await checkLines(complete([send, finalLine(['w1-0'])]));
    expect(verdict).toMatchObject({ isGood: true, counts: { 'lost with acks=1': 1 } });
  });

  it('lists only some anomalies of a name in a partition, and counts the others', async () => {
    const strays = ['w9-0', 'w9-1', 'w9-2'];
    const lines = complete([sentTo(0, 'w1-0'), finalLine(['w1-0', ...strays])]);
    const verdict = await checkLines(lines, { listedMax: 2 });
    expect(namesOf(verdict)).toEqual(['never-sent', 'never-sent']);
    expect(verdict.counts).toEqual({ 'more never-sent': 1 });
  });

  it('does not call records lost that an interrupted run did not read back', async () => {
    const interrupted: HistoryLine = { line: 'end', atUs: 9, isComplete: false, note: 'Ctrl-C' };
    const verdict = await checkLines([runLine(), ...lossy, interrupted]);
    expect(verdict.anomalies).toEqual([]);
    expect(verdict.sentence).toContain('The run was interrupted before the final read');
  });

  it('judges what a killed command left, and says so', async () => {
    const seen: HistoryLine = { line: 'op', op: pollOp(['w1-0'], { highWatermark: 0 }) };
    const verdict = await checkLines([runLine(), sentTo(0, 'w1-0'), seen]);
    expect(namesOf(verdict)).toEqual(['uncommitted-read']);
    expect(verdict.sentence).toContain('The command was killed');
  });

  it('fails a complete run whose partition nobody read back', async () => {
    const verdict = await checkLines(complete([sentTo(0, 'w1-0')]));
    expect(namesOf(verdict)).toEqual(['unread-partition']);
    expect(verdict.isGood).toBe(false);
  });

  it('fails a complete run in which nothing was acknowledged', async () => {
    const verdict = await checkLines(complete([]));
    expect(verdict).toMatchObject({ isGood: false, anomalies: [] });
    expect(verdict.sentence).toBe('No record was acknowledged, so the run shows nothing; 0 faults.');
  });

  it('shows the operations around an anomaly, and cuts long polls', async () => {
    const values = Array.from({ length: 100 }, (_, n) => `w1-${n}`);
    const lines = [
      ...values.map((value, n): HistoryLine => ({ line: 'op', op: sendOp([value], { baseOffset: n }) })),
      { line: 'op', op: pollOp(values) } satisfies HistoryLine,
      finalLine(values.slice(0, 99)),
    ];
    const { anomalies } = await checkLines(complete(lines));
    const lost = anomalies.find(({ name }) => name === 'lost-write')!;
    expect(lost.sentence).toContain('w1-99 was acknowledged');
    expect(lost.around).toContainEqual(expect.objectContaining({ type: 'send', values: ['w1-99'] }));
    const poll = lost.around.find(({ type, client }) => type === 'poll' && client === 'r1');
    expect(poll).toMatchObject({ records: values.slice(96).map((value) => ({ value })) });
    expect(lost.around.length).toBeLessThanOrEqual(16);
  });
});
