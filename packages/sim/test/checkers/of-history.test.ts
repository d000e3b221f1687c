import type { HistoryCheckerKind, Op } from '@millrace/checkers';
import { expect, it } from 'vitest';
import type { StateScope } from '../../src/checkers/checker.ts';
import { ofHistory } from '../../src/checkers/of-history.ts';

const scope = {} as StateScope;

it('has only the methods that judge a history, and hides all other methods of the checker', () => {
  class Checker {
    readonly seen: unknown[] = [];
    op(op: Op): void {
      this.seen.push(op);
    }
    finish(): void {
      this.seen.push('finish');
    }
    turn(): void {}
    committed(): void {}
    replicaMoved(): void {}
    replicaClosed(): void {}
  }
  const inner = new Checker();
  const kind: HistoryCheckerKind = { name: 'planted', sentence: 'a sentence', make: () => inner };
  const { make, ...texts } = ofHistory(kind);
  expect(texts).toEqual({ name: 'planted', sentence: 'a sentence' });
  const checker = make(scope);
  expect(Object.keys(checker)).toEqual(['op', 'finish']);
  const op = { type: 'group-read' } as Op;
  checker.op!(op);
  checker.finish!();
  expect(inner.seen).toEqual([op, 'finish']);
});

it('adds no method that the checker lacks', () => {
  expect(ofHistory({ name: 'planted', sentence: '', make: () => ({}) }).make(scope)).toEqual({});
});
