/**
 * The base class of the checkers of availability. It looks at every partition at most once every `LOOK_US`.
 * It can tell since when no fault has touched a replica.
 */
import type { NodeId } from '@millrace/base';
import type { PartitionPlace, SimNode } from '../../cluster/index.ts';
import { MILLISECOND, type Micros } from '../../world/index.ts';
import type { StateChecker, StateScope } from '../checker.ts';

const LOOK_US: Micros = 200 * MILLISECOND;

export abstract class AvailabilityChecker implements StateChecker {
  protected readonly scope: StateScope;
  private lookedUs: Micros = 0;

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(_node: SimNode): void {
    const { world, cluster, metadata, calm } = this.scope;
    if (world.nowUs < this.lookedUs + LOOK_US) return;
    this.lookedUs = world.nowUs;
    calm.look();
    for (const place of cluster.partitions(metadata.newest)) this.check(place, calm.quorum);
  }

  /** Called for each partition at each look. `quorum`: `calm.quorum`. */
  protected abstract check(place: PartitionPlace, quorum: readonly SimNode[] | undefined): void;

  /**
   * The time since which no fault has touched the broker `id`, the nodes `others`, or a link between any two
   * of them. Returns undefined in three cases: a fault touches one of these now, the replica of the broker is
   * offline, or the latest registration under the id may come from another machine.
   */
  protected replicaSinceUs(
    { topicId, partition }: PartitionPlace,
    id: NodeId,
    others: readonly SimNode[],
  ): Micros | undefined {
    const { cluster, lives, metadata, calm } = this.scope;
    const node = cluster.node(id);
    if (node === undefined) return undefined;
    const replica = cluster.replica(node, topicId, partition);
    if (replica?.isOffline === true || replica?.log.offline !== undefined) return undefined;
    const registered = metadata.newest.broker(id)?.epoch ?? -1;
    if (lives.of(registered)?.host !== node.host) return undefined;
    return calm.togetherSinceUs([node, ...others.filter((one) => one !== node)]);
  }
}
