/** A coordinator shows only offsets that a client sent to it for this partition and this group. */
import type { HistoryCheckerKind } from '../checker.ts';
import { OffsetRegisters, placeText, secondsText, valueText } from '../offset-registers.ts';

const NAME = 'never-committed';

export const neverCommitted: HistoryCheckerKind = {
  name: NAME,
  sentence: 'a fetch of committed offsets shows only what a client committed for the partition',
  make: (scope) => {
    const registers = new OffsetRegisters(scope);
    return {
      op: (op) => registers.op(op),
      finish: () => {
        for (const { fetch, candidates } of registers.judged())
          if (fetch.offset >= 0 && candidates.length === 0)
            scope.report(
              NAME,
              `${fetch.client} fetched ${valueText(fetch)} for ${placeText(fetch)} at ${secondsText(fetch.endedUs)}, and no client committed it`,
            );
      },
    };
  },
};
