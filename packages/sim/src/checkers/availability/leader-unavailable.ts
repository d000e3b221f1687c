/**
 * A partition has a leader while one of its complete replicas can lead. The condition, for the whole time of
 * `leaderWithinUs`: no fault touches a majority of the controllers, the active controller is one of them, and
 * no fault touches some broker in the ISR or the ELR, nor a link between these. Then the metadata name a
 * leader whose process runs and reaches one of these controllers.
 *
 * The time counts from the last change of the condition. It counts per partition from the moment at which it
 * has no such leader.
 */
import type { NodeId } from '@millrace/base';
import type { PartitionPlace, SimNode } from '../../cluster/index.ts';
import { MILLISECOND, type Micros } from '../../world/index.ts';
import type { StateCheckerKind, StateScope } from '../checker.ts';
import { completeReplicas, membersText } from '../image/partition-steps.ts';
import type { Calm, Quorum } from './calm.ts';
import { leaderWithinUs } from './patience.ts';

const NAME = 'leader-unavailable';
const LOOK_US: Micros = 200 * MILLISECOND;

export const leaderUnavailable: StateCheckerKind = {
  name: NAME,
  sentence:
    'a partition has a leader soon while no fault touches a majority of the controllers and a complete replica',
  make: (scope) => new LeaderUnavailable(scope),
};

class LeaderUnavailable {
  private readonly scope: StateScope;
  private readonly calm: Calm;
  private lookedUs: Micros = 0;
  /** By partition, since when it has no leader that its controllers reach. */
  private readonly without = new Map<string, Micros>();

  constructor(scope: StateScope) {
    this.scope = scope;
    this.calm = scope.calm;
  }

  turn(): void {
    const { world, cluster, metadata } = this.scope;
    if (world.nowUs < this.lookedUs + LOOK_US) return;
    this.lookedUs = world.nowUs;
    this.calm.look();
    const quorum = this.calm.quorum();
    for (const place of cluster.partitions(metadata.newest)) this.check(place, quorum);
  }

  private check(place: PartitionPlace, quorum: Quorum | undefined): void {
    const { world, metadata } = this.scope;
    const key = `${place.topicId}-${place.partition}`;
    if (this.hasLeader(place, quorum?.members ?? this.scope.cluster.controllers)) {
      this.without.delete(key);
      return;
    }
    const since = this.without.get(key) ?? world.nowUs;
    this.without.set(key, since);
    if (quorum === undefined || this.scope.isExempt(place.topic)) return;
    const patienceUs = leaderWithinUs(metadata);
    for (const id of completeReplicas(place.image)) {
      const heir = this.heirSinceUs(id, place, quorum);
      if (heir === undefined) continue;
      const lastedUs = world.nowUs - Math.max(since, heir);
      if (lastedUs > patienceUs) this.fail(place, id, lastedUs);
    }
  }

  /** Whether the metadata name a leader whose process runs and reaches one of these controllers. */
  private hasLeader({ image }: PartitionPlace, controllers: readonly SimNode[]): boolean {
    const leader = this.scope.cluster.node(image.leader);
    if (leader?.life === undefined || leader.life.isPaused) return false;
    return controllers.some((controller) => this.reach(leader, controller));
  }

  private reach(a: SimNode, b: SimNode): boolean {
    const { network } = this.scope.cluster;
    return b.isUp && !network.link(a.name, b.name).isCut && !network.link(b.name, a.name).isCut;
  }

  /** Since when no fault keeps this broker from leading. Undefined: it may be unable to lead. */
  private heirSinceUs(
    id: NodeId,
    { topicId, partition, image }: PartitionPlace,
    quorum: Quorum,
  ): Micros | undefined {
    const { cluster, lives, metadata } = this.scope;
    const node = cluster.node(id);
    if (node === undefined || id === image.leader) return undefined;
    const replica = cluster.replica(node, topicId, partition);
    if (replica?.isOffline === true || replica?.log.offline !== undefined) return undefined;
    // Another process may have registered under this id.
    const registered = metadata.newest.broker(id)?.epoch ?? -1;
    if (lives.of(registered)?.host !== node.host) return undefined;
    const together = this.calm.togetherSinceUs([node, ...quorum.members.filter((one) => one !== node)]);
    return together === undefined ? undefined : Math.max(together, quorum.sinceUs);
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
