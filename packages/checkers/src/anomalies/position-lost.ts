/**
 * The position that a consumer has reached stays valid: the position is at most the high watermark, and every
 * later leader has all records below it. A broker that answers OFFSET_OUT_OF_RANGE at this position, or an
 * earlier end of the leader epoch, has lost records.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { Op } from '../history.ts';

const NAME = 'position-lost';

export const positionLost: HistoryCheckerKind = {
  name: NAME,
  sentence: 'a position that a consumer has reached stays valid',
  make: (scope) => ({ op: (op) => check(scope, op) }),
};

function check(scope: HistoryScope, op: Op): void {
  if (op.type !== 'assign' || (op.why !== 'out-of-range' && op.why !== 'truncated')) return;
  if (scope.isExempt(op.topic)) return;
  scope.report(
    NAME,
    `${op.client} lost its position in ${op.topic}-${op.partition} (${op.why}) and continues at ${op.offset}`,
  );
}
