/**
 * The position that a consumer has reached stays valid: the position is at most the high watermark, and every
 * later leader has all records below the position. If a broker answers OFFSET_OUT_OF_RANGE at this position,
 * or says that the leader epoch ended before this position, the broker has lost records. A position in
 * another topic of the same name means nothing.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { Op, TopicRef } from '../history.ts';

const NAME = 'position-lost';

export const positionLost: HistoryCheckerKind = {
  name: NAME,
  sentence: 'a position that a consumer has reached stays valid',
  make: (scope) => new PositionLost(scope),
};

class PositionLost {
  private readonly scope: HistoryScope;
  /** The topic whose record or lookup set the position, by client, topic name and partition. */
  private readonly reached = new Map<string, TopicRef>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type !== 'poll' && op.type !== 'assign') return;
    const key = `${op.client}/${op.topic}-${op.partition}`;
    const before = this.reached.get(key);
    this.reached.set(key, op);
    if (op.type !== 'assign' || (op.why !== 'out-of-range' && op.why !== 'truncated')) return;
    if (this.scope.isExempt(op)) return;
    if (before !== undefined && before.topicId !== op.topicId)
      this.scope.count('position of another topic given up');
    else
      this.scope.report(
        NAME,
        `${op.client} lost its position in ${op.topic}-${op.partition} (${op.why}) and continues at ${op.offset}`,
      );
  }
}
