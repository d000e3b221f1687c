/**
 * At the end of the run, the log of a partition holds each record that was acknowledged with acks=all, and
 * each record that a consumer has read. Exempt: committed records below the log start offset, and committed
 * records that compaction may drop. acks=0 and acks=1 promise less. So if such a record is lost, the checker
 * only counts the loss, unless a consumer had read the record.
 */
import { ByPartition } from '../by-partition.ts';
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import { byBroker, type Op, offsetIn, type PollOp, type SendOp } from '../history.ts';

const NAME = 'lost-write';

export const lostWrite: HistoryCheckerKind = {
  name: NAME,
  sentence:
    'every value that was acknowledged with acks=all, or that a consumer has read, is in the log at the end of the run',
  make: (scope) => new LostWrite(scope),
};

interface Reads {
  readonly first: PollOp;
  /** Value → its first reader, and the offset of the record. */
  readonly readers: Map<string, { readonly client: string; readonly offset: number }>;
}

class LostWrite {
  private readonly scope: HistoryScope;
  private readonly acknowledged: SendOp[] = [];
  /** The values that consumers read, by partition. */
  private readonly reads = new ByPartition<Reads>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send') {
      if (op.outcome === 'ok') this.acknowledged.push(op);
    } else if (op.type === 'poll') {
      const { readers } = this.reads.ensure(op, () => ({ first: op, readers: new Map() }));
      const { client } = op;
      for (const { value, offset } of op.records)
        if (!readers.has(value)) readers.set(value, { client, offset });
    }
  }

  finish(): void {
    const { scope } = this;
    const valuesOf = scope.finalLogs.by(({ records }) => new Set(records.map(({ value }) => value)));
    const mayBeRemoved = scope.finalLogs.mayBeRemoved();
    for (const op of this.acknowledged) {
      if (scope.isExempt(op)) continue;
      const inLog = valuesOf(op);
      const lost = op.values.filter(
        (value, index) => inLog?.has(value) !== true && !mayBeRemoved(op, value, offsetIn(op, index)),
      );
      if (lost.length === 0) continue;
      if (op.acks === -1) scope.report(NAME, `${lost[0]} was acknowledged (${ackOf(op)}) and is gone`);
      else for (const _value of lost) scope.count(`lost with acks=${op.acks}`);
    }
    for (const { first, readers } of this.reads.values()) {
      if (scope.isExempt(first)) continue;
      const inLog = valuesOf(first);
      const name = `${first.topic}-${first.partition}`;
      for (const [value, { client, offset }] of readers)
        if (inLog?.has(value) !== true && !mayBeRemoved(first, value, offset))
          scope.report(NAME, `${value} was read by ${client} in ${name} and is gone`);
    }
  }
}

function ackOf({ topic, partition, baseOffset, ackedBy, endedUs }: SendOp): string {
  const where = baseOffset === undefined ? '' : ` at ${baseOffset}`;
  return `acks=all, ${topic}-${partition}${where},${byBroker(ackedBy)} at ${endedUs / 1e6} s`;
}
