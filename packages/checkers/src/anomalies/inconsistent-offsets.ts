/** An offset holds one record for ever: all reads and the final log agree on it. */
import { ByPartition } from '../by-partition.ts';
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { FinalLog } from '../final-logs.ts';
import type { Op, PollOp, SeenRecord } from '../history.ts';

const NAME = 'inconsistent-offsets';

export const inconsistentOffsets: HistoryCheckerKind = {
  name: NAME,
  sentence: 'no offset of a partition ever holds two different records',
  make: (scope) => new InconsistentOffsets(scope),
};

interface Seen {
  readonly record: SeenRecord;
  readonly who: string;
}

class InconsistentOffsets {
  private readonly scope: HistoryScope;
  /** By partition, the record seen at each offset. */
  private readonly seen = new ByPartition<Map<number, Seen>>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'poll') this.note(op, op.client);
  }

  finish(): void {
    for (const log of this.scope.finalLogs.list()) this.note(log, 'the log');
  }

  private note(seen: PollOp | FinalLog, who: string): void {
    if (this.scope.isExempt(seen)) return;
    const name = `${seen.topic}-${seen.partition}`;
    const offsets = this.seen.ensure(seen, () => new Map());
    for (const record of seen.records) {
      const known = offsets.get(record.offset);
      if (known === undefined) offsets.set(record.offset, { record, who });
      else if (!isSame(known.record, record))
        this.scope.report(
          NAME,
          `at ${record.offset} of ${name} ${who} has ${text(record)}, and ${known.who} had ${text(known.record)}`,
        );
      else if (known.record.leaderEpoch === undefined && record.leaderEpoch !== undefined)
        offsets.set(record.offset, { record, who });
    }
  }
}

function isSame(a: SeenRecord, b: SeenRecord): boolean {
  const isEpochKnown = a.leaderEpoch !== undefined && b.leaderEpoch !== undefined;
  return a.value === b.value && (!isEpochKnown || a.leaderEpoch === b.leaderEpoch);
}

function text({ value, leaderEpoch }: SeenRecord): string {
  return leaderEpoch === undefined ? value : `${value} (leader epoch ${leaderEpoch})`;
}
