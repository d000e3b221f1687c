/**
 * Jepsen's G1a: no consumer reads a value whose send certainly failed, whether it reads before or after the
 * failure.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { Op } from '../history.ts';

const NAME = 'aborted-read';

export const abortedRead: HistoryCheckerKind = {
  name: NAME,
  sentence: 'no consumer reads a value whose send failed for certain',
  make: (scope) => new AbortedRead(scope),
};

class AbortedRead {
  private readonly scope: HistoryScope;
  /** Value → the error of its send. */
  private readonly failed = new Map<string, string>();
  /** Value → its first reader. */
  private readonly read = new Map<string, string>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send' && op.outcome === 'fail') {
      for (const value of op.values) {
        const error = op.error ?? 'no error';
        this.failed.set(value, error);
        const reader = this.read.get(value);
        if (reader !== undefined) this.found(value, op.topic, error, reader);
      }
    } else if (op.type === 'poll') {
      for (const { value } of op.records) {
        if (this.read.has(value)) continue;
        this.read.set(value, op.client);
        const error = this.failed.get(value);
        if (error !== undefined) this.found(value, op.topic, error, op.client);
      }
    }
  }

  private found(value: string, topic: string, error: string, reader: string): void {
    if (this.scope.isExempt(topic)) return;
    this.scope.report(NAME, `${reader} read ${value} of ${topic}, whose sending had failed (${error})`);
  }
}
