/**
 * The log holds each value of an idempotent producer at most once, no matter how often the producer sent the
 * value. Records that were deleted since count, too.
 *
 * In two cases the checker counts a repetition and does not report it:
 *
 * - The producer is not idempotent.
 * - The broker may have forgotten the producer, because the producer's last batch was deleted before the
 *   retry came.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import { type Op, senderOf } from '../history.ts';
import { everyRecord, unknownProducers } from '../past-batches.ts';

const NAME = 'duplicate';

export const duplicate: HistoryCheckerKind = {
  name: NAME,
  sentence: 'a value of an idempotent producer is in the log at one offset only',
  make: (scope) => new Duplicate(scope),
};

class Duplicate {
  private readonly scope: HistoryScope;
  private readonly idempotent = new Set<string>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send' && op.idempotent) this.idempotent.add(op.client);
  }

  finish(): void {
    const { scope } = this;
    for (const log of scope.finalLogs.list()) {
      if (scope.isExempt(log)) continue;
      const { topic, partition } = log;
      const mayBeForgotten = unknownProducers(log);
      const offsets = new Map<string, number>();
      for (const { value, offset } of everyRecord(log)) {
        const known = offsets.get(value);
        offsets.set(value, offset);
        if (known === undefined) continue;
        if (!this.idempotent.has(senderOf(value))) scope.count('repeated without idempotence');
        else if (mayBeForgotten(offset)) scope.count('repeated after its producer was forgotten');
        else scope.report(NAME, `${value} is at ${known} and at ${offset} of ${topic}-${partition}`);
      }
    }
  }
}
