/** The replicas that a broker has open. */
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';

const NONE: readonly Partition[] = [];

/**
 * Returns the same list object until a replica is opened or closed. The list is empty while no process of the
 * node runs.
 */
export function hostedReplicas(node: SimNode): readonly Partition[] {
  return node.roles?.broker?.replicas.partitions() ?? NONE;
}
