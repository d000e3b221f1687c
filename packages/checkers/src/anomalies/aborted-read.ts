/**
 * Jepsen's G1a: no consumer reads a value whose send has certainly failed. The order does not matter: the
 * read may come before or after the end of the send.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { Op, PollOp, SendOp } from '../history.ts';

const NAME = 'aborted-read';

export const abortedRead: HistoryCheckerKind = {
  name: NAME,
  sentence: 'no consumer reads a value whose send has certainly failed',
  make: (scope) => new AbortedRead(scope),
};

class AbortedRead {
  private readonly scope: HistoryScope;
  /** Value → its send. */
  private readonly failed = new Map<string, SendOp>();
  /** Value → its first read. */
  private readonly read = new Map<string, PollOp>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send' && op.outcome === 'fail') {
      for (const value of op.values) {
        this.failed.set(value, op);
        this.check(value);
      }
    } else if (op.type === 'poll') {
      for (const { value } of op.records) {
        if (this.read.has(value)) continue;
        this.read.set(value, op);
        this.check(value);
      }
    }
  }

  private check(value: string): void {
    const send = this.failed.get(value);
    if (send === undefined) return;
    const poll = this.read.get(value);
    if (poll === undefined) return;
    if (this.scope.isExempt(send) || this.scope.isExempt(poll)) return;
    const { error = 'no error' } = send;
    this.scope.report(
      NAME,
      `${poll.client} read ${value} of ${poll.topic}, whose sending had failed (${error})`,
    );
  }
}
