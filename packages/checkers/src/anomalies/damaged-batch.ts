/**
 * No consumer gets a batch with a wrong checksum, unless a fault has misdirected a write of some disk. As in
 * Kafka, a broker does not verify checksums when it serves a consumer; the consumer verifies them. So after a
 * misdirected write, a leader may serve corrupt batches until a replica finds them. The fault "unreadable
 * sector" does not count: a read of such a sector fails with an error, and never returns wrong bytes.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';

const NAME = 'damaged-batch';

export const damagedBatch: HistoryCheckerKind = {
  name: NAME,
  sentence: 'no consumer gets a batch with a wrong checksum from an intact disk',
  make: (scope) => new DamagedBatches(scope),
};

class DamagedBatches {
  private readonly scope: HistoryScope;
  private checked = 0;

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(): void {
    this.look();
  }

  finish(): void {
    this.look();
  }

  private look(): void {
    const { damagedBatches } = this.scope.history;
    for (; this.checked < damagedBatches.length; this.checked++) {
      const batch = damagedBatches[this.checked]!;
      if (this.scope.mayServeDamage() || this.scope.isExempt(batch)) continue;
      const { client, topic, partition, offset } = batch;
      this.scope.report(NAME, `${client} was given a damaged batch at ${offset} of ${topic}-${partition}`);
    }
  }
}
