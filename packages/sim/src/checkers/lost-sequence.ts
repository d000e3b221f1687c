/**
 * No broker answers OUT_OF_ORDER_SEQUENCE_NUMBER to an idempotent producer with acks=all whose earlier
 * batches are all acknowledged.
 */
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'lost-sequence';

export const lostSequence: CheckerKind = {
  name: NAME,
  sentence:
    'no idempotent producer gets OUT_OF_ORDER_SEQUENCE_NUMBER while all its earlier batches are acknowledged',
  make: (scope) => new LostSequences(scope),
};

class LostSequences {
  private readonly scope: CheckScope;

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  finish(): void {
    for (const { client, topic, partition, value } of this.scope.history.lostSequences)
      if (!this.scope.isDeleted(topic))
        this.scope.world.fail(
          NAME,
          `${client} got OUT_OF_ORDER_SEQUENCE_NUMBER for ${value} in ${topic}-${partition}`,
        );
  }
}
