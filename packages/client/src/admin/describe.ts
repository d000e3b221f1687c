/** Describes topics and their configs for an administrator, from the answers of brokers. */
import type { NodeId } from '@millrace/base';
import type { DescribeConfigsResponse, MetadataResponse } from '@millrace/protocol';

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

export interface TopicConfig {
  readonly name: string;
  readonly value: string | null;
  /** True if the topic itself sets the value. False if a broker sets it, or if it is Kafka's default. */
  readonly isOfTopic: boolean;
}

const TOPIC_SOURCE = 1;

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

/** The configs, in the order of the answer. */
export function configsIn({ results }: DescribeConfigsResponse): TopicConfig[] {
  const configs = results[0]?.configs ?? [];
  return configs.map(({ name, value, configSource }) => ({
    name,
    value,
    isOfTopic: configSource === TOPIC_SOURCE,
  }));
}
