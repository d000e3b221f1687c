/** The replicas that a broker has open. */
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';

const NONE: readonly Partition[] = [];

/** Returns the same list until a replica is opened or closed; empty while no process runs there. */
export function hostedReplicas(node: SimNode): readonly Partition[] {
  return node.roles?.broker?.replicas.partitions() ?? NONE;
}
