/**
 * A position that a consumer has reached is valid for ever: it lies below the high watermark, and every later
 * leader has the records below that. A broker answers OFFSET_OUT_OF_RANGE there, or an earlier end of the
 * epoch, only after a loss.
 */
import type { Op } from '../history/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'position-lost';

export const positionLost: CheckerKind = {
  name: NAME,
  sentence: 'no broker answers a consumer that the position it has reached does not exist',
  make: (scope) => new PositionLost(scope),
};

class PositionLost {
  private readonly scope: CheckScope;

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type !== 'assign' || (op.why !== 'out-of-range' && op.why !== 'truncated')) return;
    if (this.scope.isDeleted(op.topic)) return;
    this.scope.world.fail(
      NAME,
      `${op.client} lost its position in ${op.topic}-${op.partition} (${op.why}) and continues at ${op.offset}`,
    );
  }
}
