/**
 * Maps from topic ids. Most members have partitions of one topic. A `Map` of one entry takes about 200 bytes,
 * and a broker keeps two such maps for each member, so a map of one entry is a small object of its own.
 */
import type { Uuid } from '@millrace/base';
import { NO_PARTITIONS } from './topic-partitions.ts';

/** If a topic occurs twice, the last occurrence counts. */
export function mapOfTopics<Value>(entries: readonly (readonly [Uuid, Value])[]): ReadonlyMap<Uuid, Value> {
  const [first] = entries;
  if (first === undefined) return NO_PARTITIONS;
  return entries.length === 1 ? new OneTopic(first[0], first[1]) : new Map(entries);
}

class OneTopic<Value> implements ReadonlyMap<Uuid, Value> {
  private readonly topic: Uuid;
  private readonly value: Value;

  constructor(topic: Uuid, value: Value) {
    this.topic = topic;
    this.value = value;
  }

  get size(): number {
    return 1;
  }

  get(topic: Uuid): Value | undefined {
    return topic === this.topic ? this.value : undefined;
  }

  has(topic: Uuid): boolean {
    return topic === this.topic;
  }

  keys(): MapIterator<Uuid> {
    return [this.topic].values();
  }

  values(): MapIterator<Value> {
    return [this.value].values();
  }

  entries(): MapIterator<[Uuid, Value]> {
    const entry: [Uuid, Value] = [this.topic, this.value];
    return [entry].values();
  }

  [Symbol.iterator](): MapIterator<[Uuid, Value]> {
    return this.entries();
  }

  forEach(visit: (value: Value, topic: Uuid, all: ReadonlyMap<Uuid, Value>) => void): void {
    visit(this.value, this.topic, this);
  }
}
