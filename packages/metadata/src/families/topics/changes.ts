/** The topics and partitions that the records of a batch changed. */
import type { Uuid } from '@millrace/base';
import { type Changes, union } from '../changes.ts';
import type { TopicImage, TopicsImage } from './image.ts';

export interface PartitionRef {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly partition: number;
}

/** `between` yields after this many topics: about a millisecond of work. */
const SLICE_TOPICS = 500;

export class TopicsChanges implements Changes {
  /** Ids of the topics that were created or deleted. */
  readonly topics: Set<Uuid>;
  private readonly partitions: Map<Uuid, Set<number>>;

  constructor(topics: Set<Uuid> = new Set(), partitions: Map<Uuid, Set<number>> = new Map()) {
    this.topics = topics;
    this.partitions = partitions;
  }

  get isEmpty(): boolean {
    return this.topics.size === 0 && this.partitions.size === 0;
  }

  partitionChanged(topicId: Uuid, partition: number): void {
    const indexes = this.partitions.get(topicId);
    if (indexes === undefined) this.partitions.set(topicId, new Set([partition]));
    else indexes.add(partition);
  }

  topicRemoved(topicId: Uuid): void {
    this.topics.add(topicId);
    this.partitions.delete(topicId);
  }

  merge(next: TopicsChanges): TopicsChanges {
    const partitions = new Map(this.partitions);
    for (const [topicId, indexes] of next.partitions)
      partitions.set(topicId, union(partitions.get(topicId) ?? new Set(), indexes));
    return new TopicsChanges(union(this.topics, next.topics), partitions);
  }

  /**
   * The changes from one image to a later one of the same cluster. A partition counts as unchanged if its
   * partition epoch is unchanged. The changes also name every deleted topic that the later image remembers,
   * even if `previous` never had the topic, because an earlier run of the broker may have left folders of it.
   * Yields from time to time, so that the caller can spread the work over several turns.
   */
  static *between(previous: TopicsImage, next: TopicsImage): Generator<undefined, TopicsChanges> {
    const changes = new TopicsChanges();
    let visited = 0;
    for (const id of previous.state.byId.keys()) {
      if (next.get(id) === undefined) changes.topicRemoved(id);
      if (++visited % SLICE_TOPICS === 0) yield;
    }
    for (const id of next.state.carriedOut.deletedTopicIds()) {
      changes.topicRemoved(id);
      if (++visited % SLICE_TOPICS === 0) yield;
    }
    for (const [id, topic] of next.state.byId) {
      const before = previous.get(id);
      if (before === undefined) changes.topics.add(id);
      topic.partitions.forEach(({ partitionEpoch }, index) => {
        if (before?.partitions[index]?.partitionEpoch !== partitionEpoch) changes.partitionChanged(id, index);
      });
      if (++visited % SLICE_TOPICS === 0) yield;
    }
    return changes;
  }

  /** The created or deleted topics that exist in `here` but not in `there`, sorted by name. */
  onlyIn(here: TopicsImage, there: TopicsImage): TopicImage[] {
    const found: TopicImage[] = [];
    for (const id of this.topics) {
      const topic = here.get(id);
      if (topic !== undefined && there.get(id) === undefined) found.push(topic);
    }
    return found.sort(byName);
  }

  /** Partitions that exist in `image` and are new or changed, sorted by topic name and index. */
  partitionsIn(image: TopicsImage): PartitionRef[] {
    const topics: TopicImage[] = [];
    for (const id of this.partitions.keys()) {
      const topic = image.get(id);
      if (topic !== undefined) topics.push(topic);
    }
    const refs: PartitionRef[] = [];
    for (const topic of topics.sort(byName)) {
      const indexes = [...this.partitions.get(topic.id)!].sort((a, b) => a - b);
      for (const partition of indexes) refs.push({ topicId: topic.id, topic: topic.name, partition });
    }
    return refs;
  }
}

function byName(a: TopicImage, b: TopicImage): number {
  return a.name < b.name ? -1 : 1;
}
