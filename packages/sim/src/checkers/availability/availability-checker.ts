/**
 * The frame of the checkers of availability: looks at every partition now and then, and knows since when no
 * fault touches one of its replicas.
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
   * Since when no fault touches this replica, nor its links to these nodes, which are together. Undefined: a
   * fault touches them, its log is offline, or another process registered under its id.
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
