/**
 * The differences between two images, for components that act on changes (replica manager, configs,
 * connections). Names only the changed objects: read their values from the images.
 */
import { assert, type NodeId, type Uuid } from '@millrace/base';
import type { MetadataImage, TopicImage } from './image.ts';

export interface PartitionRef {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly partition: number;
}

/** The objects that the records of a batch changed. The replay collects them. */
export interface Touched {
  readonly partitions: Map<Uuid, Set<number>>;
  /** Topics created or deleted. */
  readonly topics: Set<Uuid>;
  readonly brokers: Set<NodeId>;
  readonly topicConfigs: Set<string>;
  readonly brokerConfigs: Set<string>;
}

export function nothingTouched(): Touched {
  return {
    partitions: new Map(),
    topics: new Set(),
    brokers: new Set(),
    topicConfigs: new Set(),
    brokerConfigs: new Set(),
  };
}

export class MetadataDelta {
  readonly previous: MetadataImage;
  readonly image: MetadataImage;
  private readonly touched: Touched;
  private partitionRefs: readonly PartitionRef[] | undefined;

  constructor(previous: MetadataImage, image: MetadataImage, touched: Touched = nothingTouched()) {
    this.previous = previous;
    this.image = image;
    this.touched = touched;
  }

  /** In `image`, not in `previous`; by name. */
  get createdTopics(): TopicImage[] {
    return this.topicsOnlyIn(this.image, this.previous);
  }

  /** In `previous`, not in `image`; by name. A topic that was deleted and created again is in both lists. */
  get deletedTopics(): TopicImage[] {
    return this.topicsOnlyIn(this.previous, this.image);
  }

  /** Ids of topics that a record removed, also of topics that the same records created. */
  get removedTopicIds(): Uuid[] {
    return [...this.touched.topics].filter((id) => this.image.topicById(id) === undefined);
  }

  /**
   * Partitions that exist in `image` and are new or changed (those of created topics too), by topic name and
   * index.
   */
  get changedPartitions(): readonly PartitionRef[] {
    this.partitionRefs ??= this.collectPartitions();
    return this.partitionRefs;
  }

  /** Brokers that registered, were removed or changed. */
  get changedBrokers(): ReadonlySet<NodeId> {
    return this.touched.brokers;
  }

  /** Names of topics whose configs changed. */
  get changedConfigs(): ReadonlySet<string> {
    return this.touched.topicConfigs;
  }

  /** Broker ids as text ('' is the default of all) whose dynamic configs changed. */
  get changedBrokerConfigs(): ReadonlySet<string> {
    return this.touched.brokerConfigs;
  }

  get isEmpty(): boolean {
    const { partitions, topics, brokers, topicConfigs, brokerConfigs } = this.touched;
    return (
      partitions.size === 0 &&
      topics.size === 0 &&
      brokers.size === 0 &&
      topicConfigs.size === 0 &&
      brokerConfigs.size === 0
    );
  }

  /** This delta and the one that follows it, as one. */
  merge(next: MetadataDelta): MetadataDelta {
    assert(next.previous === this.image, 'a delta is merged with the one that follows it');
    const partitions = new Map(this.touched.partitions);
    for (const [topicId, indexes] of next.touched.partitions) {
      partitions.set(topicId, union(partitions.get(topicId) ?? new Set(), indexes));
    }
    return new MetadataDelta(this.previous, next.image, {
      partitions,
      topics: union(this.touched.topics, next.touched.topics),
      brokers: union(this.touched.brokers, next.touched.brokers),
      topicConfigs: union(this.touched.topicConfigs, next.touched.topicConfigs),
      brokerConfigs: union(this.touched.brokerConfigs, next.touched.brokerConfigs),
    });
  }

  private topicsOnlyIn(here: MetadataImage, there: MetadataImage): TopicImage[] {
    const found: TopicImage[] = [];
    for (const id of this.touched.topics) {
      const topic = here.topicById(id);
      if (topic !== undefined && there.topicById(id) === undefined) found.push(topic);
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private collectPartitions(): PartitionRef[] {
    const topics: TopicImage[] = [];
    for (const id of this.touched.partitions.keys()) {
      const topic = this.image.topicById(id);
      if (topic !== undefined) topics.push(topic);
    }
    topics.sort((a, b) => (a.name < b.name ? -1 : 1));
    const refs: PartitionRef[] = [];
    for (const topic of topics) {
      const indexes = [...this.touched.partitions.get(topic.id)!].sort((a, b) => a - b);
      for (const partition of indexes) refs.push({ topicId: topic.id, topic: topic.name, partition });
    }
    return refs;
  }
}

function union<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): Set<T> {
  const all = new Set(a);
  for (const value of b) all.add(value);
  return all;
}
