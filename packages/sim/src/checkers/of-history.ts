/**
 * Turns a checker of a history into a checker of state. A run calls the methods of a checker of state by
 * their names, for example `turn`. A checker of a history may have a method of the same name with another
 * purpose. So the result has only `op` and `finish`.
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
        ...(checker.op === undefined ? {} : { op: checker.op.bind(checker) }),
        ...(checker.finish === undefined ? {} : { finish: checker.finish.bind(checker) }),
      };
    },
  };
}
