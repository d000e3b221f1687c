/**
 * A consumer is given no batch with a wrong checksum, unless a disk's write went astray before. Nobody checks
 * checksums on the way to a consumer (as in Kafka: that is the reader's business, and it does), so what lies
 * damaged on a leader's disk is served as it is until a follower finds it. A sector that cannot be read is an
 * error, never wrong bytes.
 */
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'damaged-batch';

export const damagedBatch: CheckerKind = {
  name: NAME,
  sentence: 'no consumer is given a batch with a wrong checksum from a disk that is whole',
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
