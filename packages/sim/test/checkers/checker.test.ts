/** Goal: the types say what a checker needs. Method: assignments that the compiler accepts or refuses. */
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
  // A run calls methods by name, so it must not see all methods of a checker of a history.
  for (const kind of historyCheckers) expect(checkerKinds).not.toContain(kind);
});
