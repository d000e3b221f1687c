/**
 * The log holds the values of each batch that was acknowledged with acks=all, at the offsets that the answer
 * gave. Exempt: offsets below the log start offset, and records that compaction may drop.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { Op, SendOp } from '../history.ts';

const NAME = 'wrong-offset';

export const wrongOffset: HistoryCheckerKind = {
  name: NAME,
  sentence: 'the values of an acknowledged batch are at the offsets of the answer',
  make: (scope) => new WrongOffset(scope),
};

class WrongOffset {
  private readonly scope: HistoryScope;
  private readonly acknowledged: SendOp[] = [];

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send' && op.outcome === 'ok' && op.acks === -1 && op.baseOffset !== undefined)
      this.acknowledged.push(op);
  }

  finish(): void {
    const { scope } = this;
    const valuesOf = scope.finalLogs.by(
      ({ records }) => new Map(records.map(({ offset, value }) => [offset, value])),
    );
    const mayBeRemoved = scope.finalLogs.mayBeRemoved();
    for (const send of this.acknowledged) {
      if (scope.isExempt(send)) continue;
      const { topic, partition, values, baseOffset } = send;
      const name = `${topic}-${partition}`;
      const inLog = valuesOf(send);
      values.forEach((value, index) => {
        const offset = baseOffset! + index;
        const there = inLog?.get(offset);
        if (there !== value && !mayBeRemoved(send, value, offset))
          scope.report(
            NAME,
            `${value} was acknowledged at ${offset} of ${name}, where ${there ?? 'nothing'} is`,
          );
      });
    }
  }
}
