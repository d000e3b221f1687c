/**
 * The high watermark of an open replica never falls, because consumers may have read up to it. When the
 * replica opens again after a restart, its high watermark may begin lower, at the offset in its checkpoint.
 *
 * A broker is exempt while it may delete a log: its disk is damaged, or it recovers from a loss that the
 * durability contract (docs/architecture.md) allows.
 */
import type { Partition } from '@millrace/replication';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'high-watermark-fell';

export const highWatermarkFell: StateCheckerKind = {
  name: NAME,
  sentence: 'the high watermark of an open replica never falls, and lies within the log of this replica',
  make: (scope) => new HighWatermarkFell(scope),
};

class HighWatermarkFell implements StateChecker {
  private readonly scope: StateScope;

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  replicaMoved(hosted: HostedReplica): void {
    const { node, replica, before } = hosted;
    const { highWatermark } = replica;
    if (highWatermark === before.highWatermark) return;
    const { startOffset, endOffset } = replica.log;
    if (highWatermark > endOffset || highWatermark < startOffset)
      this.scope.world.fail(
        NAME,
        `at ${node.name} the high watermark ${highWatermark} of ${nameOf(replica)} lies outside of its log ${startOffset}..${endOffset}`,
      );
    if (highWatermark > before.highWatermark || this.isExempt(hosted)) return;
    this.scope.world.fail(
      NAME,
      `at ${node.name} the high watermark of ${nameOf(replica)} fell from ${before.highWatermark} to ${highWatermark}`,
    );
  }

  private isExempt({ node, replica }: HostedReplica): boolean {
    return this.scope.isExempt(replica) || this.scope.atlas.isRecovering(node.id);
  }
}

function nameOf({ topic, index }: Partition): string {
  return `${topic}-${index}`;
}
