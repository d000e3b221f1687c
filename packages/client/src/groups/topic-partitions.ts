/** Lists of partitions, for the members of groups and for their requests. */
import type { Uuid } from '@millrace/base';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A partition that a group assigns. */
export interface AssignedPartition extends TopicPartition {
  /**
   * The id of the topic that the coordinator means (KIP-848). Undefined in classic groups, where the
   * coordinator means the topic that has the name.
   */
  readonly topicId?: Uuid;
}

/** A topic and some of its partitions, as requests of groups name them. */
export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** `topic-partition`. Two partitions have the same name only if they are the same. */
export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** The partitions of `all` that are not in `others`. */
export function without<T extends TopicPartition>(all: readonly T[], others: readonly TopicPartition[]): T[] {
  const names = new Set(others.map(partitionName));
  return all.filter((one) => !names.has(partitionName(one)));
}

/** Sorts by topic, then by partition. */
export function sorted<T extends TopicPartition>(partitions: Iterable<T>): T[] {
  return [...partitions].sort((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
  );
}

export function byTopic(partitions: readonly TopicPartition[]): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) {
    const known = topics.get(topic);
    if (known === undefined) topics.set(topic, [partition]);
    else known.push(partition);
  }
  return [...topics].map(([topic, indexes]) => ({ topic, partitions: indexes }));
}

export function flattened(topics: readonly TopicPartitions[]): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
}
