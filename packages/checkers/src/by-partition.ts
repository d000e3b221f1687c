/**
 * A map from partitions to facts. The key of a partition has its topic id. If a client does not know the
 * topic id, the key has the topic's name.
 */
import type { PartitionRef } from './history.ts';

export class ByPartition<T> {
  private readonly facts = new Map<string, T>();

  get({ topic, topicId, partition }: PartitionRef): T | undefined {
    return this.facts.get(`${topicId ?? topic}-${partition}`);
  }

  set({ topic, topicId, partition }: PartitionRef, fact: T): void {
    this.facts.set(`${topicId ?? topic}-${partition}`, fact);
  }

  /** Returns the fact of the partition. If there is none yet, keeps and returns what `make` returns. */
  ensure(ref: PartitionRef, make: () => T): T {
    const known = this.get(ref);
    if (known !== undefined) return known;
    const made = make();
    this.set(ref, made);
    return made;
  }

  values(): Iterable<T> {
    return this.facts.values();
  }
}
