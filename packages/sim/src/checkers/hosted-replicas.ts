/** The replicas that a broker has open. */
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';

const NONE: readonly Partition[] = [];

/** The same list as long as nothing is opened or closed; empty while no process runs there. */
export function hostedReplicas(node: SimNode): readonly Partition[] {
  return node.roles?.broker?.replicas.partitions() ?? NONE;
}
