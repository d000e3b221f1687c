/**
 * At the end, after a consumer has read everything from the beginning, consumers have seen every value
 * acknowledged with acks=all.
 */
import type { Op } from '../history/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'unseen';

export const unseen: CheckerKind = {
  name: NAME,
  sentence: 'at the end a consumer has read every value acknowledged with acks=all',
  make: (scope) => new Unseen(scope),
};

class Unseen {
  private readonly scope: CheckScope;
  private readonly acknowledged = new Map<string, string>();

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send' && op.outcome === 'ok' && op.acks === -1) {
      for (const value of op.values) this.acknowledged.set(value, op.topic);
    } else if (op.type === 'poll') {
      for (const { value } of op.records) this.read.add(value);
    }
  }

  private readonly read = new Set<string>();

  finish(): void {
    for (const [value, topic] of this.acknowledged)
      if (!this.read.has(value) && !this.scope.isDeleted(topic))
        this.scope.world.fail(NAME, `${value} of ${topic} was acknowledged, and no consumer ever read it`);
  }
}
