/**
 * The acknowledged values of an idempotent producer are in the log in the order of sending, and their
 * sequences have no gap. (A batch with an unknown outcome may be appended late, when its producer already
 * uses another id.)
 *
 * The first batch of a producer id in a partition may have any sequence: the broker may have forgotten the
 * producer, so it accepts that, as Kafka does (KIP-360). The checker counts the cases in which this skipped a
 * batch.
 */
import type { BatchHeader } from '@millrace/protocol';
import type { Op } from '../history/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';
import type { FinalLog } from './final-logs.ts';

const NAME = 'nonmonotonic-send';

export const nonmonotonicSend: CheckerKind = {
  name: NAME,
  sentence:
    'the acknowledged values of an idempotent producer are in the log in the order in which it sent them',
  make: (scope) => new NonmonotonicSend(scope),
};

interface Place {
  readonly client: string;
  readonly order: number;
}

class NonmonotonicSend {
  private readonly scope: CheckScope;
  private readonly acknowledged = new Map<string, Place>();

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type !== 'send' || !op.idempotent || op.outcome !== 'ok') return;
    for (const value of op.values) this.acknowledged.set(value, { client: op.client, order: orderOf(value) });
  }

  finish(): void {
    for (const log of this.scope.finalLogs.list()) {
      if (this.scope.isDeleted(log.topic)) continue;
      this.checkOrder(log);
      this.checkSequences(log);
    }
  }

  private checkOrder({ topic, partition, records }: FinalLog): void {
    const last = new Map<string, string>();
    for (const { value } of records) {
      const place = this.acknowledged.get(value);
      if (place === undefined) continue;
      const before = last.get(place.client);
      if (before !== undefined && orderOf(before) > place.order)
        this.scope.world.fail(NAME, `${value} lies behind ${before} in ${topic}-${partition}`);
      last.set(place.client, value);
    }
  }

  private checkSequences({ topic, partition, headers }: FinalLog): void {
    const { world } = this.scope;
    const last = new Map<number, BatchHeader>();
    for (const header of headers) {
      const { producerId, producerEpoch, baseSequence, baseOffset } = header;
      if (producerId < 0) continue;
      const before = last.get(producerId);
      last.set(producerId, header);
      if (before === undefined) {
        if (baseSequence > 0) world.count('sequence begins above 0');
        continue;
      }
      const isSame = before.producerEpoch === producerEpoch;
      const expected = isSame ? before.baseSequence + before.lastOffsetDelta + 1 : 0;
      if (before.producerEpoch > producerEpoch || baseSequence !== expected)
        world.fail(
          NAME,
          `producer id ${producerId}, epoch ${producerEpoch} has sequence ${baseSequence} at ${baseOffset} of ${topic}-${partition} where ${expected} is next`,
        );
    }
  }
}

/** The number in a value: a producer counts upwards. */
function orderOf(value: string): number {
  return Number(value.slice(value.lastIndexOf('-') + 1));
}
