/**
 * Epochs order the decisions of the controllers. Each registration, each election, and each change of a
 * partition must have an epoch of its own. Otherwise a broker with an old epoch would not learn that it is
 * fenced, and nobody would refuse a late request.
 */
import type { MetadataImage } from '@millrace/metadata';
import type { StateCheckerKind, StateScope } from '../checker.ts';
import { changedPartitions, type PartitionStep } from './partition-steps.ts';

const NAME = 'epoch-did-not-grow';

export const epochDidNotGrow: StateCheckerKind = {
  name: NAME,
  sentence:
    'each registration has a larger broker epoch, each election a larger leader epoch, and each change of a partition a larger partition epoch',
  make: (scope) => new EpochDidNotGrow(scope),
};

class EpochDidNotGrow {
  private readonly scope: StateScope;
  /** The latest epoch of each broker. It stays here while the broker is not registered. */
  private readonly brokers = new Map<number, { readonly epoch: number; readonly incarnationId: string }>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  committed(before: MetadataImage, after: MetadataImage): void {
    if (before.brokers !== after.brokers) this.registered(after);
    for (const step of changedPartitions(before, after)) if (step.before !== undefined) this.changed(step);
  }

  private registered(after: MetadataImage): void {
    for (const { id, epoch, incarnationId } of after.sortedBrokers()) {
      const known = this.brokers.get(id);
      this.brokers.set(id, { epoch, incarnationId });
      if (known === undefined) continue;
      const isSame = known.incarnationId === incarnationId;
      if (epoch < known.epoch || (epoch === known.epoch && !isSame))
        this.fail(`broker ${id} registered with the epoch ${epoch} after ${known.epoch}`);
    }
  }

  private changed({ name, before, after }: PartitionStep): void {
    const was = before!;
    if (after.partitionEpoch <= was.partitionEpoch)
      this.fail(
        `${name} changed, and its partition epoch went from ${was.partitionEpoch} to ${after.partitionEpoch}`,
      );
    if (after.leaderEpoch < was.leaderEpoch)
      this.fail(`the leader epoch of ${name} fell from ${was.leaderEpoch} to ${after.leaderEpoch}`);
    if (after.leader !== was.leader && after.leaderEpoch === was.leaderEpoch)
      this.fail(
        `brokers ${was.leader} and ${after.leader} lead ${name} in the same leader epoch ${after.leaderEpoch}`,
      );
  }

  private fail(what: string): never {
    this.scope.world.fail(NAME, what);
  }
}
