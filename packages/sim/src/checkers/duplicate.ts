/**
 * An idempotent producer's value is in the log once, however often it was sent. Other producers may have
 * duplicates; they are counted.
 */
import type { Op } from '../history/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'duplicate';

export const duplicate: CheckerKind = {
  name: NAME,
  sentence: 'a value of an idempotent producer is in the log at one offset only',
  make: (scope) => new Duplicate(scope),
};

class Duplicate {
  private readonly scope: CheckScope;
  private readonly idempotent = new Set<string>();

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send' && op.idempotent) this.idempotent.add(op.client);
  }

  finish(): void {
    const { finalLogs, world } = this.scope;
    for (const { topic, partition, records } of finalLogs.list()) {
      if (this.scope.isDeleted(topic)) continue;
      const offsets = new Map<string, number>();
      for (const { value, offset } of records) {
        const known = offsets.get(value);
        offsets.set(value, offset);
        if (known === undefined) continue;
        if (this.idempotent.has(value.slice(0, value.lastIndexOf('-'))))
          world.fail(NAME, `${value} is at ${known} and at ${offset} of ${topic}-${partition}`);
        world.count('repeated without idempotence');
      }
    }
  }
}
