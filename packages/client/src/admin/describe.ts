/** Describes topics for an administrator, from the answers of brokers. */
import type { NodeId } from '@millrace/base';
import type { MetadataResponse } from '@millrace/protocol';

export interface PartitionDescription {
  readonly partition: number;
  /** -1: the partition has no leader. */
  readonly leaderId: NodeId;
  readonly replicas: readonly NodeId[];
  readonly isr: readonly NodeId[];
}

export interface TopicDescription {
  readonly name: string;
  readonly topicId: string;
  /** If it is not NONE (for example UNKNOWN_TOPIC_OR_PARTITION), the broker names no partitions. */
  readonly errorCode: number;
  /** Sorted by partition index. */
  readonly partitions: readonly PartitionDescription[];
}

/** The topics of the answer, sorted by name. */
export function topicsIn({ topics }: MetadataResponse): TopicDescription[] {
  const described = topics.map(({ name, topicId, errorCode, partitions }) => ({
    name: name ?? '',
    topicId,
    errorCode,
    partitions: partitions
      .map(({ partitionIndex, leaderId, replicaNodes, isrNodes }) => ({
        partition: partitionIndex,
        leaderId,
        replicas: replicaNodes,
        isr: isrNodes,
      }))
      .sort((a, b) => a.partition - b.partition),
  }));
  return described.sort((a, b) => (a.name < b.name ? -1 : 1));
}
