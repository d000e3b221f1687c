/**
 * The replicas that a broker has open, without asking for them at every turn: which ones there are changes only with its image
 * or its registration.
 */
import type { MetadataImage } from '@millrace/metadata';
import type { Partition, ReplicaManager } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';

interface Known {
  readonly replicas: ReplicaManager;
  readonly image: MetadataImage;
  readonly brokerEpoch: number;
  readonly list: readonly Partition[];
}

const NONE: readonly Partition[] = [];

export class HostedReplicas {
  private readonly known = new Map<SimNode, Known>();

  /** None while no process runs there. */
  of(node: SimNode): readonly Partition[] {
    const replicas = node.roles?.broker?.replicas;
    if (replicas === undefined) return NONE;
    const { image, brokerEpoch } = replicas;
    const known = this.known.get(node);
    if (known?.replicas === replicas && known.image === image && known.brokerEpoch === brokerEpoch)
      return known.list;
    const list = replicas.partitions();
    this.known.set(node, { replicas, image, brokerEpoch, list });
    return list;
  }
}
