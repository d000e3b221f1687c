/**
 * The high watermark of an open replica never falls: consumers have read up to it.
 *
 * Exempt: a broker deletes a log because its disk is damaged, or because it recovers from a loss that the
 * contract covers. After a restart a replica begins at its checkpoint, which may be lower.
 */
import type { Offset } from '@millrace/base';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';
import { hostedReplicas } from './hosted-replicas.ts';

const NAME = 'high-watermark-fell';

export const highWatermarkFell: StateCheckerKind = {
  name: NAME,
  sentence: 'the high watermark of an open replica never falls, and lies within its log',
  make: (scope) => new HighWatermarkFell(scope),
};

class HighWatermarkFell {
  private readonly scope: StateScope;
  private readonly seen = new Map<Partition, Offset>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    for (const replica of hostedReplicas(node)) {
      const { highWatermark } = replica;
      const before = this.seen.get(replica);
      if (highWatermark === before) continue;
      this.seen.set(replica, highWatermark);
      const { startOffset, endOffset } = replica.log;
      const name = `${replica.topic}-${replica.index}`;
      if (highWatermark > endOffset || highWatermark < startOffset)
        this.scope.world.fail(
          NAME,
          `at ${node.name} the high watermark ${highWatermark} of ${name} lies outside of its log ${startOffset}..${endOffset}`,
        );
      if (before === undefined || highWatermark > before || this.isExempt(node, replica)) continue;
      this.scope.world.fail(
        NAME,
        `at ${node.name} the high watermark of ${name} fell from ${before} to ${highWatermark}`,
      );
    }
  }

  private isExempt(node: SimNode, replica: Partition): boolean {
    return this.scope.isExempt(replica.topic) || this.scope.atlas.isRecovering(node.id);
  }
}
