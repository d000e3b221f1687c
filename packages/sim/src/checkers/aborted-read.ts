/** Jepsen's G1a: no consumer reads a value that was certainly not appended. */
import type { Op } from '../history/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'aborted-read';

export const abortedRead: CheckerKind = {
  name: NAME,
  sentence: 'no consumer reads a value whose send failed for certain',
  make: (scope) => new AbortedRead(scope),
};

class AbortedRead {
  private readonly scope: CheckScope;
  private readonly failed = new Map<string, string>();
  private readonly read = new Map<string, string>();

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send' && op.outcome === 'fail') {
      for (const value of op.values) {
        this.failed.set(value, op.error ?? 'no error');
        this.check(value, op.topic);
      }
    } else if (op.type === 'poll') {
      for (const { value } of op.records) {
        if (this.read.has(value)) continue;
        this.read.set(value, op.client);
        this.check(value, op.topic);
      }
    }
  }

  private check(value: string, topic: string): void {
    const error = this.failed.get(value);
    const reader = this.read.get(value);
    if (error === undefined || reader === undefined || this.scope.isDeleted(topic)) return;
    this.scope.world.fail(NAME, `${reader} read ${value} of ${topic}, whose sending had failed (${error})`);
  }
}
