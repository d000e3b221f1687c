/**
 * A broker does not answer OUT_OF_ORDER_SEQUENCE_NUMBER to an idempotent producer while all earlier batches
 * of that producer in the partition are acknowledged.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';

const NAME = 'lost-sequence';

export const lostSequence: HistoryCheckerKind = {
  name: NAME,
  sentence:
    'an idempotent producer whose earlier batches are all acknowledged never gets OUT_OF_ORDER_SEQUENCE_NUMBER',
  make: (scope) => ({ finish: () => check(scope) }),
};

function check(scope: HistoryScope): void {
  for (const lost of scope.history.lostSequences) {
    if (scope.isExempt(lost)) continue;
    const { client, topic, partition, value } = lost;
    scope.report(NAME, `${client} got OUT_OF_ORDER_SEQUENCE_NUMBER for ${value} in ${topic}-${partition}`);
  }
}
