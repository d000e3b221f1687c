/**
 * By the end of the run, consumers have seen every value acknowledged with acks=all. Exempt: a value whose
 * record may lie below the log start offset at the end of the run, or that compaction may have dropped.
 * Before the checker decides, the last consumer of the run reads every log from its beginning.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import { type Op, offsetIn, type SendOp } from '../history.ts';

const NAME = 'unseen';

export const unseen: HistoryCheckerKind = {
  name: NAME,
  sentence: 'at the end of the run, consumers have read every value acknowledged with acks=all',
  make: (scope) => new Unseen(scope),
};

class Unseen {
  private readonly scope: HistoryScope;
  /** Value → the send that has it. */
  private readonly acknowledged = new Map<string, SendOp>();
  private readonly read = new Set<string>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send' && op.outcome === 'ok' && op.acks === -1) {
      for (const value of op.values) this.acknowledged.set(value, op);
    } else if (op.type === 'poll') {
      for (const { value } of op.records) this.read.add(value);
    }
  }

  finish(): void {
    const mayBeRemoved = this.scope.finalLogs.mayBeRemoved();
    for (const [value, send] of this.acknowledged) {
      if (this.read.has(value) || this.scope.isExempt(send)) continue;
      if (!mayBeRemoved(send, value, offsetIn(send, send.values.indexOf(value))))
        this.scope.report(NAME, `${value} of ${send.topic} was acknowledged, and no consumer ever read it`);
    }
  }
}
