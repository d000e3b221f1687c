/**
 * The position that a consumer has reached stays valid: the position is at most the high watermark, and every
 * later leader has all records below the position. If a broker answers OFFSET_OUT_OF_RANGE at this position,
 * the broker has lost records. The same holds if a broker says that the leader epoch of the consumer's last
 * record ended before the position (KIP-320).
 *
 * A position that the consumer reached in another topic of the same name means nothing. Exempt: records
 * expired or were deleted, so a leader's log began above the position. The consumer must then continue at an
 * offset where that log, or the log of a leader at that time or later, began (`FinalLogs.sendsOn`).
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { AssignOp, Op, PollOp } from '../history.ts';

const NAME = 'position-lost';

export const positionLost: HistoryCheckerKind = {
  name: NAME,
  sentence: 'a position that a consumer has reached stays valid',
  make: (scope) => new PositionLost(scope),
};

class PositionLost {
  private readonly scope: HistoryScope;
  /** The operation that set the position, by client, topic name and partition. */
  private readonly reached = new Map<string, PollOp | AssignOp>();
  private readonly suspects: { readonly op: AssignOp; readonly position: number }[] = [];

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
    else this.suspects.push({ op, position: before === undefined ? 0 : positionOf(before) });
  }

  /** Judges the losses only at the end of the run, because the topic may become exempt after a loss. */
  finish(): void {
    const sendsOn = this.scope.finalLogs.sendsOn();
    for (const { op, position } of this.suspects) {
      if (this.scope.isExempt(op)) continue;
      const isBelowStart = op.why === 'out-of-range' && sendsOn(op, position, op.offset, op.endedUs);
      if (isBelowStart) this.scope.count('position below the log start given up');
      else
        this.scope.report(
          NAME,
          `${op.client} lost its position in ${op.topic}-${op.partition} (${op.why}) and continues at ${op.offset}`,
        );
    }
  }
}

/** The next offset that the consumer reads. */
function positionOf(op: PollOp | AssignOp): number {
  if (op.type === 'assign') return op.offset;
  const last = op.records.at(-1);
  return last === undefined ? op.fetchOffset : last.offset + 1;
}
