/** The common part of the checkers that judge each fetch of committed offsets by one condition. */
import type { HistoryCheckerKind } from '../checker.ts';
import { type JudgedFetch, OffsetRegisters, placeText, secondsText, valueText } from '../offset-registers.ts';

/**
 * `violation` returns the rest of the sentence "q1 fetched 5 for t-0 in group g at 1.000 s, …", or undefined
 * if the fetch is right.
 */
export function fetchChecker(
  name: string,
  sentence: string,
  violation: (judged: JudgedFetch) => string | undefined,
): HistoryCheckerKind {
  return {
    name,
    sentence,
    make: (scope) => {
      const registers = new OffsetRegisters(scope);
      return {
        op: (op) => registers.op(op),
        finish: () => {
          for (const judged of registers.judged()) {
            const wrong = violation(judged);
            if (wrong !== undefined) scope.report(name, `${fetchText(judged)}, ${wrong}`);
          }
        },
      };
    },
  };
}

function fetchText({ fetch }: JudgedFetch): string {
  return `${fetch.client} fetched ${valueText(fetch)} for ${placeText(fetch)} at ${secondsText(fetch.endedUs)}`;
}
