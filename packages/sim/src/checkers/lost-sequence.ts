/**
 * An idempotent producer that waits for acks=all is never told that its sequences have a gap when everything
 * before was acknowledged.
 */
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'lost-sequence';

export const lostSequence: CheckerKind = {
  name: NAME,
  sentence:
    'no idempotent producer hears OUT_OF_ORDER_SEQUENCE_NUMBER while all its earlier batches are acknowledged',
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
        this.scope.world.fail(NAME, `${client} was told so of ${value} in ${topic}-${partition}`);
  }
}
