/**
 * A position that a consumer was led to is valid for ever: it lies below what was committed, and every later
 * leader has that. Only loss makes a broker answer OFFSET_OUT_OF_RANGE there, or name an earlier end of the
 * epoch.
 */
import type { Op } from '../history/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'position-lost';

export const positionLost: CheckerKind = {
  name: NAME,
  sentence: 'no consumer is told that the position it has reached does not exist',
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
      `${op.client} lost its position in ${op.topic}-${op.partition} (${op.why}) and goes on at ${op.offset}`,
    );
  }
}
