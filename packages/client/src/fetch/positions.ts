/**
 * The positions of a consumer (consumer.ts). Without a list of partitions, the consumer reads every partition
 * of its topics. When a topic is deleted and another topic gets its name, reading of the new topic begins at
 * `start`. A listed partition with `onlyTopicId` keeps its position, and waits until the topic with this id
 * has the name again.
 */
import type { Uuid } from '@millrace/base';
import type { KnownTopics } from '../cluster/known-topics.ts';
import { newPosition, type Position, type StartPosition } from './position.ts';

/** All partitions of these topics; or a list of partitions, which may change at any time. */
export type Assigned =
  | { readonly topics: () => readonly string[]; readonly start: 'earliest' | 'latest' }
  | { readonly partitions: () => Iterable<StartPosition>; readonly start: 'earliest' | 'latest' };

export class Positions {
  readonly byName = new Map<string, Position>();
  private readonly topics: Pick<KnownTopics, 'get'>;
  private readonly assigned: Assigned;
  /** The topic of each name, and the number of its partitions with a position. */
  private readonly counts = new Map<string, { readonly topicId: Uuid; readonly count: number }>();

  constructor(topics: Pick<KnownTopics, 'get'>, assigned: Assigned) {
    this.topics = topics;
    this.assigned = assigned;
  }

  /** Brings the positions up to date with the metadata and the list of partitions. */
  update(): void {
    if ('topics' in this.assigned) for (const topic of this.assigned.topics()) this.assignTopic(topic);
    else this.assignListed(this.assigned.partitions());
  }

  /** Whether the position's topic is the one that has its name in the metadata. */
  hasName({ topic, topicId }: Position): boolean {
    return this.topics.get(topic)?.topicId === topicId;
  }

  /** Whether this is still the position of an assigned partition. Another position may have replaced it. */
  isCurrent(position: Position): boolean {
    return this.byName.get(`${position.topic}-${position.partition}`) === position;
  }

  private assignTopic(topic: string): void {
    const known = this.topics.get(topic);
    if (known === undefined) return;
    const { topicId, partitions } = known;
    const before = this.counts.get(topic);
    const isSame = before?.topicId === topicId;
    if (!isSame) this.forget(topic, before?.count ?? 0);
    const first = isSame ? before.count : 0;
    if (first >= partitions.length) return;
    this.counts.set(topic, { topicId, count: partitions.length });
    const { start } = this.assigned;
    for (let partition = first; partition < partitions.length; partition++)
      this.byName.set(`${topic}-${partition}`, newPosition(topicId, { topic, partition, start }));
  }

  /** Drops the topic that had this name before, with the positions of its `count` partitions. */
  private forget(topic: string, count: number): void {
    for (let partition = 0; partition < count; partition++) this.byName.delete(`${topic}-${partition}`);
    this.counts.delete(topic);
  }

  private assignListed(listed: Iterable<StartPosition>): void {
    const left = new Set(this.byName.keys());
    for (const place of listed) {
      const { topic, partition, onlyTopicId } = place;
      const name = `${topic}-${partition}`;
      const topicId = this.topics.get(topic)?.topicId;
      const before = this.byName.get(name);
      if (onlyTopicId !== undefined && topicId !== undefined && topicId !== onlyTopicId) {
        if (before?.topicId === onlyTopicId) left.delete(name);
        continue;
      }
      left.delete(name);
      if (topicId === undefined || before?.topicId === topicId) continue;
      const { start } = this.assigned;
      // If another topic had the name before, the listed offset belongs to that topic.
      const isOther = before !== undefined || (place.topicId ?? topicId) !== topicId;
      this.byName.set(name, newPosition(topicId, isOther ? { topic, partition, start } : place));
    }
    for (const name of left) this.byName.delete(name);
  }
}
