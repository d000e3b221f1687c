/**
 * A partition holds only records that a producer sent to it: a broker neither invents records nor appends
 * them to another partition. The checker skips topics to which no client of the history sends.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { Op } from '../history.ts';
import { everyRecord } from '../past-batches.ts';

const NAME = 'never-sent';

export const neverSent: HistoryCheckerKind = {
  name: NAME,
  sentence: 'a log holds only values that a client sent to that partition',
  make: (scope) => new NeverSent(scope),
};

class NeverSent {
  private readonly scope: HistoryScope;
  private readonly topics = new Set<string>();
  /** The values that producers sent, by partition. */
  private readonly sent = new Map<string, Set<string>>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type !== 'send') return;
    this.topics.add(op.topic);
    const name = `${op.topic}-${op.partition}`;
    const values = this.sent.get(name) ?? new Set<string>();
    this.sent.set(name, values);
    for (const value of op.values) values.add(value);
  }

  finish(): void {
    for (const log of this.scope.finalLogs.list()) {
      if (!this.topics.has(log.topic) || this.scope.isExempt(log)) continue;
      const { topic, partition } = log;
      const name = `${topic}-${partition}`;
      const sent = this.sent.get(name);
      for (const { offset, value } of everyRecord(log))
        if (sent?.has(value) !== true)
          this.scope.report(NAME, `${value} is at ${offset} of ${name}, and no client sent it there`);
    }
  }
}
