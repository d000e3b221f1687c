/**
 * The differences between two images, for components that act on changes (replica manager, configs,
 * connections). A delta says only which objects changed. The values before and after are in the two images.
 */
import { assert, type NodeId, type Uuid } from '@millrace/base';
import { BrokersChanges } from './families/brokers.ts';
import type { Changes } from './families/changes.ts';
import { ConfigsChanges } from './families/configs.ts';
import { ProducerIdsChanges } from './families/producer-ids.ts';
import { type PartitionRef, TopicsChanges } from './families/topics/changes.ts';
import type { TopicImage } from './families/topics/image.ts';
import type { ImageParts, MetadataImage } from './image.ts';

/** The changes that the delta holds for each family of records. */
export interface ImageChanges extends Readonly<Record<keyof ImageParts, Changes>> {
  readonly brokers: BrokersChanges;
  readonly topics: TopicsChanges;
  readonly configs: ConfigsChanges;
  readonly producerIds: ProducerIdsChanges;
}

function noChanges(): ImageChanges {
  return {
    brokers: new BrokersChanges(),
    topics: new TopicsChanges(),
    configs: new ConfigsChanges(),
    producerIds: new ProducerIdsChanges(),
  };
}

export class MetadataDelta {
  readonly previous: MetadataImage;
  readonly image: MetadataImage;
  private readonly changes: ImageChanges;
  private partitionRefs: readonly PartitionRef[] | undefined;

  constructor(previous: MetadataImage, image: MetadataImage, changes: ImageChanges = noChanges()) {
    this.previous = previous;
    this.image = image;
    this.changes = changes;
  }

  /**
   * Computes the delta from one image to a later one of the same cluster, without the records between them.
   * Yields from time to time, so that the caller can spread the work over several turns.
   */
  static *between(previous: MetadataImage, image: MetadataImage): Generator<undefined, MetadataDelta> {
    assert(image.offset > previous.offset, 'an image is replaced by a later one');
    return new MetadataDelta(previous, image, {
      brokers: BrokersChanges.between(previous.brokers, image.brokers),
      topics: yield* TopicsChanges.between(previous.topics, image.topics),
      configs: ConfigsChanges.between(previous.configs, image.configs),
      producerIds: new ProducerIdsChanges(),
    });
  }

  /** Topics that exist in `image` but not in `previous`, sorted by name. */
  get createdTopics(): TopicImage[] {
    return this.changes.topics.onlyIn(this.image.topics, this.previous.topics);
  }

  /**
   * Topics that exist in `previous` but not in `image`, sorted by name. If a topic was deleted and created
   * again, its name is here and in `createdTopics`, because the new topic has another id.
   */
  get deletedTopics(): TopicImage[] {
    return this.changes.topics.onlyIn(this.previous.topics, this.image.topics);
  }

  /**
   * Ids of the topics that a record removed, including topics that an earlier record of the same delta
   * created.
   */
  get removedTopicIds(): Uuid[] {
    return [...this.changes.topics.topics].filter((id) => this.image.topicById(id) === undefined);
  }

  /**
   * Partitions that exist in `image` and are new or changed, including those of created topics, sorted by
   * topic name and index.
   */
  get changedPartitions(): readonly PartitionRef[] {
    this.partitionRefs ??= this.changes.topics.partitionsIn(this.image.topics);
    return this.partitionRefs;
  }

  /** Brokers that registered, were removed or changed. */
  get changedBrokers(): ReadonlySet<NodeId> {
    return this.changes.brokers.ids;
  }

  /** Names of topics whose configs changed. */
  get changedConfigs(): ReadonlySet<string> {
    return this.changes.configs.topics;
  }

  /** Ids, as text, of brokers whose dynamic configs changed; '' stands for the default of all brokers. */
  get changedBrokerConfigs(): ReadonlySet<string> {
    return this.changes.configs.brokers;
  }

  get isEmpty(): boolean {
    const { brokers, topics, configs, producerIds } = this.changes;
    return brokers.isEmpty && topics.isEmpty && configs.isEmpty && producerIds.isEmpty;
  }

  /** Returns one delta with the changes of this delta and of `next`, which must follow this one. */
  merge(next: MetadataDelta): MetadataDelta {
    assert(next.previous === this.image, 'a delta is merged with the one that follows it');
    const { brokers, topics, configs, producerIds } = this.changes;
    return new MetadataDelta(this.previous, next.image, {
      brokers: brokers.merge(next.changes.brokers),
      topics: topics.merge(next.changes.topics),
      configs: configs.merge(next.changes.configs),
      producerIds: producerIds.merge(),
    });
  }
}
