/**
 * Sets of partitions by topic, in the two forms that a consumer group uses. A target assignment has only
 * partitions. A member's current assignment also has, for each partition, the epoch in which the member got
 * it (the assignment epoch).
 */
import type { Uuid } from '@millrace/base';

/** The partitions of each topic, ascending. Each topic has at least one partition. */
export type TopicPartitions = ReadonlyMap<Uuid, readonly number[]>;

/** The assignment epoch of each partition of each topic; each topic has at least one partition. */
export type EpochedPartitions = ReadonlyMap<Uuid, ReadonlyMap<number, number>>;

export const NO_PARTITIONS: ReadonlyMap<Uuid, never> = new Map<Uuid, never>();

/** Partitions of a topic in the form that requests and answers have. */
export interface WirePartitions {
  readonly topicId: Uuid;
  readonly partitions: readonly number[];
}

export function samePartitions(a: TopicPartitions, b: TopicPartitions): boolean {
  if (a.size !== b.size) return false;
  for (const [topic, partitions] of a) {
    const others = b.get(topic);
    if (others?.length !== partitions.length) return false;
    if (!partitions.every((partition, index) => partition === others[index])) return false;
  }
  return true;
}

/** True if both have the same partitions in the same epochs. */
export function sameEpoched(a: EpochedPartitions, b: EpochedPartitions): boolean {
  return sameKeys(a, b, (epoch, other) => epoch === other);
}

/** True if both have the same partitions. The assignment epochs may differ. */
export function sameAssigned(a: EpochedPartitions, b: EpochedPartitions): boolean {
  return sameKeys(a, b, () => true);
}

function sameKeys(
  a: EpochedPartitions,
  b: EpochedPartitions,
  sameValue: (a: number, b: number) => boolean,
): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [topic, epochs] of a) {
    const others = b.get(topic);
    if (others?.size !== epochs.size) return false;
    for (const [partition, epoch] of epochs) {
      const other = others.get(partition);
      if (other === undefined || !sameValue(epoch, other)) return false;
    }
  }
  return true;
}

/** True if `all` has each of the partitions. */
export function containsAll(all: EpochedPartitions, partitions: readonly WirePartitions[]): boolean {
  return partitions.every(({ topicId, partitions }) => {
    const epochs = all.get(topicId);
    return epochs !== undefined && partitions.every((partition) => epochs.has(partition));
  });
}

/** True if `all` has at least one of the partitions. */
export function containsAny(all: EpochedPartitions, partitions: readonly WirePartitions[]): boolean {
  return partitions.some(({ topicId, partitions }) => {
    const epochs = all.get(topicId);
    return epochs !== undefined && partitions.some((partition) => epochs.has(partition));
  });
}

export function withEpoch(partitions: TopicPartitions, epoch: number): EpochedPartitions {
  return new Map(
    [...partitions].map(([topic, list]) => [topic, new Map(list.map((partition) => [partition, epoch]))]),
  );
}

/** The same partitions, all of them in this epoch. */
export function resetEpochs(partitions: EpochedPartitions, epoch: number): EpochedPartitions {
  return new Map(
    [...partitions].map(([topic, epochs]) => [
      topic,
      new Map([...epochs.keys()].map((partition) => [partition, epoch])),
    ]),
  );
}

/** The partitions that are in `a` or in `b`. If a partition is in both, the epoch in `b` counts. */
export function union(a: EpochedPartitions, b: EpochedPartitions): EpochedPartitions {
  if (a.size === 0) return b;
  if (b.size === 0) return a;
  const both = new Map(a);
  for (const [topic, epochs] of b) both.set(topic, new Map([...(a.get(topic) ?? []), ...epochs]));
  return both;
}

/** Topics by id and partitions ascending, so that equal assignments have equal bytes. */
export function toWire(partitions: EpochedPartitions | TopicPartitions): WirePartitions[] {
  return [...partitions]
    .map(([topicId, ofTopic]) => ({ topicId, partitions: sortedPartitions(ofTopic) }))
    .sort((a, b) => (a.topicId < b.topicId ? -1 : 1));
}

function sortedPartitions(partitions: ReadonlyMap<number, number> | readonly number[]): number[] {
  return [...(isList(partitions) ? partitions : partitions.keys())].sort((a, b) => a - b);
}

function isList(
  partitions: ReadonlyMap<number, number> | readonly number[],
): partitions is readonly number[] {
  return Array.isArray(partitions);
}
