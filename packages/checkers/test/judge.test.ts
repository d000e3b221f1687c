import { describe, expect, it } from 'vitest';
import { historyCheckers } from '../src/anomalies/index.ts';
import { History, type Op } from '../src/history.ts';
import { judgeHistory } from '../src/judge.ts';
import { finalLog, poll, send, sent, two } from './support/histories.ts';

function historyOf(ops: readonly Op[]): History {
  const history = new History();
  for (const op of ops) history.add(op);
  return history;
}

const readBoth = poll(0, [
  [0, 'p1-0'],
  [1, 'p1-1'],
]);

describe('judgeHistory', () => {
  it('gives every checker a name of its own, and accepts a correct history', () => {
    expect(new Set(historyCheckers.map(({ name }) => name)).size).toBe(historyCheckers.length);
    expect(judgeHistory(historyOf([...sent, readBoth]), [two]).violations).toEqual([]);
  });

  it('lists violations of all checkers up to a limit for each checker, and counts the others', () => {
    const values = Array.from({ length: 5 }, (_, n) => `p1-${n}`);
    const ops = values.map((value, baseOffset) => send([value], { baseOffset }));
    const { violations, counts } = judgeHistory(historyOf(ops), [finalLog([])], { violationsMax: 2 });
    expect(violations.map(({ checker }) => checker)).toEqual([
      'lost-write',
      'lost-write',
      'wrong-offset',
      'wrong-offset',
      'unseen',
      'unseen',
    ]);
    expect(counts.get('more lost-write')).toBe(3);
  });

  it('skips exempt topics, and counts the lost records of acks=1', () => {
    const history = historyOf([...sent, send(['p1-2'], { topic: 'u', acks: 1 })]);
    const { violations, counts } = judgeHistory(history, [], { exempt: new Set(['t']) });
    expect(violations).toEqual([]);
    expect([...counts]).toEqual([['lost with acks=1', 1]]);
  });
});
