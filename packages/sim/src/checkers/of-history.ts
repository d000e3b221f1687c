/**
 * Makes a checker of a history a checker of state. A run calls the methods of a checker of state by name, and
 * a checker of a history may have methods of these names for itself. So only `op` and `finish` are visible.
 */
import type { HistoryCheckerKind } from '@millrace/checkers';
import type { StateCheckerKind } from './checker.ts';

export function ofHistory({ name, sentence, make }: HistoryCheckerKind): StateCheckerKind {
  return {
    name,
    sentence,
    make: (scope) => {
      const checker = make(scope);
      return {
        ...(checker.op === undefined ? {} : { op: (op) => checker.op?.(op) }),
        ...(checker.finish === undefined ? {} : { finish: () => checker.finish?.() }),
      };
    },
  };
}
