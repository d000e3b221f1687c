/**
 * No record is lost that was acknowledged with acks=all or read by a consumer: at the end every such value is
 * in its partition's log. Losses with acks=0 and acks=1 are only counted, because these promise less.
 */
import type { Op, SendOp } from '../history/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'lost-write';

export const lostWrite: CheckerKind = {
  name: NAME,
  sentence: 'every value acknowledged with acks=all, or read by a consumer, is in the log at the end',
  make: (scope) => new LostWrite(scope),
};

class LostWrite {
  private readonly scope: CheckScope;
  private readonly acknowledged: SendOp[] = [];
  /** Value → its reader, by partition. */
  private readonly polled = new Map<string, Map<string, string>>();

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send') {
      if (op.outcome === 'ok') this.acknowledged.push(op);
    } else if (op.type === 'poll') {
      const key = `${op.topic}-${op.partition}`;
      const values = this.polled.get(key) ?? new Map<string, string>();
      this.polled.set(key, values);
      for (const { value } of op.records) if (!values.has(value)) values.set(value, op.client);
    }
  }

  finish(): void {
    const { finalLogs, world } = this.scope;
    const inLog = new Map<string, Set<string>>();
    for (const { topic, partition, records } of finalLogs.list())
      inLog.set(`${topic}-${partition}`, new Set(records.map(({ value }) => value)));
    for (const op of this.acknowledged) {
      if (this.scope.isDeleted(op.topic)) continue;
      const name = `${op.topic}-${op.partition}`;
      const lost = op.values.filter((value) => inLog.get(name)?.has(value) !== true);
      if (lost.length === 0) continue;
      if (op.acks === -1)
        world.fail(
          NAME,
          `${lost[0]} was acknowledged (acks=all, ${name} at ${op.baseOffset}, by broker ${op.ackedBy} at ${op.endedUs / 1e6} s) and is gone`,
        );
      for (const _value of lost) world.count(`lost with acks=${op.acks}`);
    }
    for (const [name, values] of this.polled)
      for (const [value, client] of values)
        if (inLog.get(name)?.has(value) !== true && !this.isDeletedName(name))
          world.fail(NAME, `${value} was read by ${client} in ${name} and is gone`);
  }

  private isDeletedName(name: string): boolean {
    return this.scope.isDeleted(name.slice(0, name.lastIndexOf('-')));
  }
}
