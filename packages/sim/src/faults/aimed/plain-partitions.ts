/** Finds partitions at which a fault can cut off replicas without disturbing the quorum. */
import type { Partition } from '@millrace/replication';
import type { PartitionPlace } from '../../cluster/index.ts';
import type { FaultContext } from '../fault.ts';

/**
 * The partitions of the workload's topics that `fits` accepts, and whose ISR has only brokers that run and
 * are not controllers. `fits` gets the leader's replica and the number of members of the ISR.
 */
export function plainPartitions(
  { cluster, operator }: FaultContext,
  fits: (leader: Partition, isrSize: number) => boolean,
): PartitionPlace[] {
  const topics = operator.allTopics();
  return cluster.partitions().filter(({ topic, topicId, partition, image }) => {
    const leader = cluster.node(image.leader);
    if (leader === undefined || !topics.includes(topic)) return false;
    const replica = cluster.replica(leader, topicId, partition);
    const nodes = image.isr.map((id) => cluster.node(id)!);
    return (
      replica !== undefined &&
      fits(replica, image.isr.length) &&
      nodes.every((node) => node.isUp && !node.isController)
    );
  });
}
