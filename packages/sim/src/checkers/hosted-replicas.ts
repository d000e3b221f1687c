/** The replicas that a broker has open, asked for once a turn. */
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';

const NONE: readonly Partition[] = [];

export class HostedReplicas {
  private readonly lists = new Map<SimNode, readonly Partition[]>();

  turn(node: SimNode): void {
    const now = node.roles?.broker?.replicas.partitions() ?? NONE;
    const before = this.lists.get(node);
    const isSame = before?.length === now.length && now.every((replica, index) => replica === before[index]);
    if (!isSame) this.lists.set(node, now);
  }

  /** The same list as long as nothing is opened or closed; empty while no process runs there. */
  of(node: SimNode): readonly Partition[] {
    return this.lists.get(node) ?? NONE;
  }
}
