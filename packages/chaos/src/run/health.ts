/** Decides whether a cluster has recovered from a fault. Pure. */
import type { ClusterSample } from '../types.ts';

export interface Expected {
  /** The replication factor of each topic that must be healthy. */
  readonly factors: ReadonlyMap<string, number>;
}

/** Why the cluster has not recovered yet, in one sentence; undefined: it has. */
export function unhealthy(sample: ClusterSample, { factors }: Expected): string | undefined {
  const down = sample.nodes.filter(({ state }) => state !== 'running');
  if (down.length > 0) return `node ${down.map(({ id, state }) => `${id} is ${state}`).join(', node ')}`;
  if (sample.activeController === undefined) return 'no broker names an active controller';
  for (const [topic, factor] of factors) {
    const partitions = sample.partitions.filter((one) => one.topic === topic);
    if (partitions.length === 0) return `no broker knows the topic ${topic}`;
    for (const { partition, leader, isr } of partitions) {
      if (leader < 0) return `${topic}-${partition} has no leader`;
      if (isr.length < factor)
        return `${topic}-${partition} has ${isr.length} of ${factor} replicas in the ISR`;
    }
  }
  return undefined;
}
