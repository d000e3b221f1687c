/**
 * At the end, the log of a partition holds each record that was acknowledged with acks=all or read by a
 * consumer. acks=0 and acks=1 promise less, so the checker only counts their losses.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import { byBroker, type Op, type SendOp } from '../history.ts';

const NAME = 'lost-write';

export const lostWrite: HistoryCheckerKind = {
  name: NAME,
  sentence: 'every value acknowledged with acks=all, or read by a consumer, is in the log at the end',
  make: (scope) => new LostWrite(scope),
};

interface Reads {
  readonly topic: string;
  /** Value → its first reader. */
  readonly readers: Map<string, string>;
}

class LostWrite {
  private readonly scope: HistoryScope;
  private readonly acknowledged: SendOp[] = [];
  /** The values that consumers read, by partition. */
  private readonly reads = new Map<string, Reads>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send') {
      if (op.outcome === 'ok') this.acknowledged.push(op);
    } else if (op.type === 'poll') {
      const name = `${op.topic}-${op.partition}`;
      const reads = this.reads.get(name) ?? { topic: op.topic, readers: new Map<string, string>() };
      this.reads.set(name, reads);
      for (const { value } of op.records) if (!reads.readers.has(value)) reads.readers.set(value, op.client);
    }
  }

  finish(): void {
    const { scope } = this;
    const inLog = new Map<string, Set<string>>();
    for (const { topic, partition, records } of scope.finalLogs.list())
      inLog.set(`${topic}-${partition}`, new Set(records.map(({ value }) => value)));
    for (const op of this.acknowledged) {
      if (scope.isExempt(op.topic)) continue;
      const name = `${op.topic}-${op.partition}`;
      const values = inLog.get(name);
      const lost = op.values.filter((value) => values?.has(value) !== true);
      if (lost.length === 0) continue;
      if (op.acks === -1) scope.report(NAME, `${lost[0]} was acknowledged (${ackOf(op)}) and is gone`);
      else for (const _value of lost) scope.count(`lost with acks=${op.acks}`);
    }
    for (const [name, { topic, readers }] of this.reads) {
      if (scope.isExempt(topic)) continue;
      const values = inLog.get(name);
      for (const [value, client] of readers)
        if (values?.has(value) !== true)
          scope.report(NAME, `${value} was read by ${client} in ${name} and is gone`);
    }
  }
}

function ackOf({ topic, partition, baseOffset, ackedBy, endedUs }: SendOp): string {
  const where = baseOffset === undefined ? '' : ` at ${baseOffset}`;
  return `acks=all, ${topic}-${partition}${where},${byBroker(ackedBy)} at ${endedUs / 1e6} s`;
}
