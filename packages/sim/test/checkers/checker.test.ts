/** Goal: the types say what a checker needs. Method: assignments that the compiler accepts or refuses. */
import { type HistoryCheckerKind, historyCheckers } from '@millrace/checkers';
import { expect, it } from 'vitest';
import type { StateCheckerKind } from '../../src/checkers/checker.ts';
import { checkerKinds } from '../../src/checkers/index.ts';
import { twoLeaders } from '../../src/checkers/two-leaders.ts';

it('a checker of a history serves as a checker of state, and not the other way round', () => {
  const ofState: StateCheckerKind = historyCheckers[0]!;
  // @ts-expect-error This checker looks into the cluster, and a history has none.
  const ofHistory: HistoryCheckerKind = twoLeaders;
  expect(checkerKinds).toEqual(expect.arrayContaining([ofState, ofHistory]));
});
