/** Judges a recorded history after the run has ended, with every checker of a history. */
import { historyCheckers } from './anomalies/index.ts';
import type { HistoryCheckerKind, HistoryScope } from './checker.ts';
import { type FinalLog, FinalLogs } from './final-logs.ts';
import type { History } from './history.ts';
import { Violation } from './violation.ts';

export interface JudgeOptions {
  /** Names of the topics whose records have no guarantee. */
  readonly exempt?: ReadonlySet<string>;
  /** How many violations of each checker to list at most. Further violations are only counted. */
  readonly violationsMax?: number;
  readonly kinds?: readonly HistoryCheckerKind[];
}

export interface Judgement {
  readonly violations: readonly Violation[];
  /** Counts of harmless events (`lost with acks=1`, …), and of violations that are not listed. */
  readonly counts: ReadonlyMap<string, number>;
}

/**
 * Runs each checker over the whole history. One checker finishes before the next one starts, to save memory.
 */
export function judgeHistory(
  history: History,
  finalLogs: readonly FinalLog[],
  { exempt = new Set(), violationsMax = 8, kinds = historyCheckers }: JudgeOptions = {},
): Judgement {
  const violations: Violation[] = [];
  const counts = new Map<string, number>();
  const listed = new Map<string, number>();
  const count = (what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const scope: HistoryScope = {
    history,
    finalLogs: new FinalLogs(() => [...finalLogs]),
    isExempt: ({ topic }) => exempt.has(topic),
    mayServeDamage: () => false,
    report: (checker, sentence) => {
      const before = listed.get(checker) ?? 0;
      listed.set(checker, before + 1);
      if (before < violationsMax) violations.push(new Violation(checker, sentence));
      else count(`more ${checker}`);
    },
    count,
  };
  for (const kind of kinds) {
    const checker = kind.make(scope);
    if (checker.op !== undefined) for (const op of history.ops) checker.op(op);
    checker.finish?.();
  }
  return { violations, counts };
}
