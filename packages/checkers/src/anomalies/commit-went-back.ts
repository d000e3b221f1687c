/**
 * The committed offset of a partition has one history for all clients: after a fetch has shown a commit, no
 * fetch shows what this commit replaced. This holds for commits without an answer, too.
 */
import type { HistoryCheckerKind } from '../checker.ts';
import { OffsetRegisters, placeText, secondsText, valueText } from '../offset-registers.ts';

const NAME = 'commit-went-back';

export const commitWentBack: HistoryCheckerKind = {
  name: NAME,
  sentence: 'after a fetch of committed offsets has shown a commit, no fetch shows what this commit replaced',
  make: (scope) => {
    const registers = new OffsetRegisters(scope);
    return {
      op: (op) => registers.op(op),
      finish: () => {
        for (const { fetch, later } of registers.judged())
          if (later !== undefined)
            scope.report(
              NAME,
              `${fetch.client} fetched ${valueText(fetch)} for ${placeText(fetch)} at ${secondsText(fetch.endedUs)}, but ${later.client} fetched ${valueText(later)} at ${secondsText(later.endedUs)}`,
            );
      },
    };
  },
};
