/**
 * No consumer gets a batch with a wrong checksum, unless a disk misdirected a write before. As in Kafka, the
 * broker does not check checksums of a fetch; the consumer does. So a leader serves corrupt batches of its
 * disk until a follower finds them. A sector that cannot be read is an error, never wrong bytes.
 */
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'damaged-batch';

export const damagedBatch: CheckerKind = {
  name: NAME,
  sentence: 'no consumer gets a batch with a wrong checksum from an intact disk',
  make: (scope) => new DamagedBatches(scope),
};

class DamagedBatches {
  private readonly scope: CheckScope;
  private checked = 0;

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  op(): void {
    this.look();
  }

  finish(): void {
    this.look();
  }

  private look(): void {
    const { history, world } = this.scope;
    for (; this.checked < history.damagedBatches.length; this.checked++) {
      const { client, topic, partition, offset } = history.damagedBatches[this.checked]!;
      if ((world.counts.get('disk write went astray') ?? 0) > 0 || this.scope.isDeleted(topic)) continue;
      world.fail(NAME, `${client} was given a damaged batch at ${offset} of ${topic}-${partition}`);
    }
  }
}
