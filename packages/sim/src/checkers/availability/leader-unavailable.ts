/**
 * A partition has a leader while one of its complete replicas (members of the ISR or the ELR) can lead. The
 * condition: no fault touches these nodes, nor a link between them:
 *
 * - a majority of the controllers, among them the active controller if there is one;
 * - one broker in the ISR or the ELR that is not the leader in the metadata.
 *
 * The promise: the metadata name a leader whose process runs and reaches one of these controllers. The
 * checker fails the run if the promise is broken for longer than `leaderWithinUs` while the condition holds.
 * The time begins when the promise is broken and the condition holds.
 */
import type { NodeId } from '@millrace/base';
import type { PartitionPlace, SimNode } from '../../cluster/index.ts';
import type { Micros } from '../../world/index.ts';
import type { StateCheckerKind } from '../checker.ts';
import { completeReplicas, membersText } from '../image/partition-steps.ts';
import { AvailabilityChecker } from './availability-checker.ts';
import { leaderWithinUs } from './patience.ts';

const NAME = 'leader-unavailable';

export const leaderUnavailable: StateCheckerKind = {
  name: NAME,
  sentence:
    'while faults spare a majority of the controllers and a member of the ISR or ELR, a partition without a working leader gets one in time',
  make: (scope) => new LeaderUnavailable(scope),
};

class LeaderUnavailable extends AvailabilityChecker {
  /** By partition, since when the promise is broken. */
  private readonly without = new Map<string, Micros>();

  protected override check(place: PartitionPlace, quorum: readonly SimNode[] | undefined): void {
    const { world, metadata } = this.scope;
    const key = `${place.topicId}-${place.partition}`;
    if (this.hasLeader(place, quorum ?? this.scope.cluster.controllers)) {
      this.without.delete(key);
      return;
    }
    const since = this.without.get(key) ?? world.nowUs;
    this.without.set(key, since);
    if (quorum === undefined || this.scope.isExempt(place)) return;
    const patienceUs = leaderWithinUs(metadata);
    for (const id of completeReplicas(place.image)) {
      if (id === place.image.leader) continue;
      const calmUs = this.replicaSinceUs(place, id, quorum);
      if (calmUs === undefined) continue;
      const lastedUs = world.nowUs - Math.max(since, calmUs);
      if (lastedUs > patienceUs) this.fail(place, id, lastedUs);
    }
  }

  /** Whether the metadata name a leader whose process runs and reaches one of these controllers. */
  private hasLeader({ image }: PartitionPlace, controllers: readonly SimNode[]): boolean {
    const { cluster, calm } = this.scope;
    const leader = cluster.node(image.leader);
    if (leader?.life === undefined || leader.life.isPaused) return false;
    return controllers.some((controller) => controller.isUp && !calm.isCut(leader, controller));
  }

  private fail({ topic, partition, image }: PartitionPlace, heir: NodeId, lastedUs: Micros): never {
    const { world, cluster } = this.scope;
    const broker = this.scope.metadata.newest.broker(heir);
    const state = broker?.fenced === false ? 'unfenced' : 'fenced';
    const leader = image.leader === -1 ? 'nobody' : `broker ${image.leader}, which is gone,`;
    return world.fail(
      NAME,
      `${leader} leads ${topic}-${partition} for ${lastedUs / 1e6} s, although ${cluster.node(heir)!.name} (${state}) could (${membersText(image)})`,
    );
  }
}
