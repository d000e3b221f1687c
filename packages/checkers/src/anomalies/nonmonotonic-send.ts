/**
 * The log holds the acknowledged values of an idempotent producer in the order in which the producer sent
 * them. The order of a value with an unknown outcome means nothing, because the leader may append its batch
 * late, when the producer already uses another producer id. So the checker skips such values. The sequences
 * of all batches of one producer id have no gap.
 *
 * A topic may be deleted and created again. If a producer's requests have the topic's name and not its id, a
 * retry of a batch that was sent to the old topic may reach the new topic, behind later batches. The leader
 * of the new topic accepts the batch, as with Apache Kafka, because the new topic has no earlier sequences of
 * this producer. The checker skips the values of such a batch.
 *
 * The first batch of a producer id in a partition may have any sequence. A broker accepts any sequence of a
 * producer id that it does not know, because the broker may have forgotten the producer (KIP-360). The
 * checker counts the first batches whose sequence is above 0.
 *
 * The checker also judges records that were deleted since. If the last batch of a producer id was deleted
 * before the next batch of this producer id came, the next batch counts as the first.
 */
import type { BatchHeader } from '@millrace/protocol';
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { FinalLog } from '../final-logs.ts';
import { numberOf, type Op, senderOf, type TopicRef } from '../history.ts';
import { everyBatch, everyRecord, unknownProducers } from '../past-batches.ts';

const NAME = 'nonmonotonic-send';

export const nonmonotonicSend: HistoryCheckerKind = {
  name: NAME,
  sentence:
    'the acknowledged values of an idempotent producer are in the log in the order in which the producer sent them',
  make: (scope) => new NonmonotonicSend(scope),
};

class NonmonotonicSend {
  private readonly scope: HistoryScope;
  private readonly acknowledged = new Set<string>();
  /** The acknowledged values that the producer may also have sent to another topic of the same name. */
  private readonly strays = new Set<string>();
  /** By topic name: the topic ids that operations have shown. */
  private readonly ids = new Map<string, Set<string>>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type !== 'send' && op.type !== 'poll') return;
    this.noteTopic(op);
    if (op.type !== 'send' || !op.idempotent || op.outcome !== 'ok') return;
    for (const value of op.values) {
      this.acknowledged.add(value);
      if (op.mayStray) this.strays.add(value);
    }
  }

  finish(): void {
    for (const log of this.scope.finalLogs.list()) {
      if (this.scope.isExempt(log)) continue;
      this.checkOrder(log);
      this.checkSequences(log);
    }
  }

  private noteTopic({ topic, topicId }: TopicRef): void {
    if (topicId === undefined) return;
    const ids = this.ids.get(topic) ?? new Set();
    this.ids.set(topic, ids.add(topicId));
  }

  private checkOrder(log: FinalLog): void {
    const { topic, partition } = log;
    const mayBeForgotten = unknownProducers(log);
    const isReused = (this.ids.get(topic)?.size ?? 0) > 1;
    /** The last value of each client in this log. */
    const last = new Map<string, string>();
    for (const { value, offset } of everyRecord(log)) {
      if (!this.acknowledged.has(value) || (isReused && this.strays.has(value))) continue;
      const client = senderOf(value);
      const before = last.get(client);
      if (before !== undefined && numberOf(before) > numberOf(value)) {
        // The value may come from the retry of a batch that was deleted. A broker that no longer knows the
        // producer accepts such a retry.
        if (mayBeForgotten(offset)) continue;
        this.scope.report(NAME, `${value} lies behind ${before} in ${topic}-${partition}`);
      }
      last.set(client, value);
    }
  }

  private checkSequences(log: FinalLog): void {
    const { scope } = this;
    const { topic, partition } = log;
    const mayBeForgotten = unknownProducers(log);
    let end = 0;
    /** The last batch of each producer id in this log. */
    const last = new Map<number, BatchHeader>();
    for (const { header } of everyBatch(log)) {
      const { producerId, producerEpoch, baseSequence, baseOffset } = header;
      // There is a gap before this batch. The history does not know the batches in it, so no expected
      // sequence is known.
      if (baseOffset !== end) last.clear();
      end = header.lastOffset + 1;
      if (producerId < 0) continue;
      const before = last.get(producerId);
      last.set(producerId, header);
      if (before === undefined || mayBeForgotten(baseOffset)) {
        if (baseSequence > 0) scope.count('sequence begins above 0');
        continue;
      }
      const isSame = before.producerEpoch === producerEpoch;
      const expected = isSame ? before.baseSequence + before.lastOffsetDelta + 1 : 0;
      if (before.producerEpoch > producerEpoch || baseSequence !== expected)
        scope.report(
          NAME,
          `producer id ${producerId}, epoch ${producerEpoch} has sequence ${baseSequence} at ${baseOffset} of ${topic}-${partition} where ${expected} is next`,
        );
    }
  }
}
