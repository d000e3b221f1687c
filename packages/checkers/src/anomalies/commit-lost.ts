/**
 * A commit that is acknowledged is durable: each fetch that begins afterwards shows it, or a commit that may
 * have replaced it. A commit without an answer may take effect at any later time.
 */
import type { HistoryCheckerKind } from '../checker.ts';
import { OffsetRegisters, placeText, secondsText, valueText } from '../offset-registers.ts';

const NAME = 'commit-lost';

export const commitLost: HistoryCheckerKind = {
  name: NAME,
  sentence:
    'a fetch of committed offsets shows every commit that was acknowledged before, unless a later one replaced it',
  make: (scope) => {
    const registers = new OffsetRegisters(scope);
    return {
      op: (op) => registers.op(op),
      finish: () => {
        for (const { fetch, lost, candidates } of registers.judged())
          if (lost !== undefined && (fetch.offset < 0 || candidates.length > 0))
            scope.report(
              NAME,
              `${fetch.client} fetched ${valueText(fetch)} for ${placeText(fetch)} at ${secondsText(fetch.endedUs)}, but ${valueText(lost)} of ${lost.client} was acknowledged at ${secondsText(lost.endedUs)}`,
            );
      },
    };
  },
};
