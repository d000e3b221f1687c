/**
 * The answers to a producer are true: its values are at the offsets of the acks=all answer, and a leader of
 * that time sent it.
 */
import type { Op, SendOp } from '../history/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'wrong-offset';

export const wrongOffset: CheckerKind = {
  name: NAME,
  sentence: 'the values of an acknowledged batch are at the offsets of the answer',
  make: (scope) => new WrongOffset(scope),
};

class WrongOffset {
  private readonly scope: CheckScope;
  private readonly acknowledged: SendOp[] = [];

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send' && op.outcome === 'ok' && op.acks === -1 && op.baseOffset !== undefined)
      this.acknowledged.push(op);
  }

  finish(): void {
    const { finalLogs, world } = this.scope;
    const offsets = new Map<string, Map<number, string>>();
    for (const { topic, partition, records } of finalLogs.list())
      offsets.set(`${topic}-${partition}`, new Map(records.map(({ offset, value }) => [offset, value])));
    for (const { topic, partition, values, baseOffset } of this.acknowledged) {
      if (this.scope.isDeleted(topic)) continue;
      values.forEach((value, index) => {
        const there = offsets.get(`${topic}-${partition}`)?.get(baseOffset! + index);
        if (there !== value)
          world.fail(
            NAME,
            `${value} was acknowledged at ${baseOffset! + index} of ${topic}-${partition}, where ${there ?? 'nothing'} is`,
          );
      });
    }
  }
}
