/**
 * Goal: the types say whether a checker needs a cluster or only a history. Method: assignments that the
 * compiler must accept or refuse.
 */
import { type HistoryCheckerKind, historyCheckers } from '@millrace/checkers';
import { expect, it } from 'vitest';
import type { StateCheckerKind } from '../../src/checkers/checker.ts';
import { checkerKinds } from '../../src/checkers/index.ts';
import { twoLeaders } from '../../src/checkers/two-leaders.ts';

it('a checker of a history can check state, too; a checker of state cannot check a history', () => {
  const ofState: StateCheckerKind = historyCheckers[0]!;
  // @ts-expect-error This checker looks into the cluster, and a history has none.
  const ofHistory: HistoryCheckerKind = twoLeaders;
  const names = checkerKinds.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining([ofState, ofHistory].map(({ name }) => name)));
  // A run calls a checker's methods by their names. So the list has only wrapped checkers of a history
  // (`ofHistory`), which hide their other methods.
  for (const kind of historyCheckers) expect(checkerKinds).not.toContain(kind);
});
