/**
 * The state of the cluster at one offset of the metadata log: an immutable value. It shares structure with
 * the images before and after it, so keeping an old image costs little memory. Each family of records has one
 * part of the image (families/). Apart from tests, only the replay of records creates images (replay.ts).
 * Code must never change an image in place. The maps have no order: sort before any output.
 */
import type { NodeId, Offset, QuorumEpoch, Uuid } from '@millrace/base';
import type { Map as ImmutableMap } from 'immutable';
import { type BrokerRegistration, BrokersImage } from './families/brokers.ts';
import { type Configs, ConfigsImage } from './families/configs.ts';
import { ProducerIdsImage } from './families/producer-ids.ts';
import type { CarriedOut } from './families/topics/carried-out.ts';
import {
  type PartitionImage,
  type PartitionOfBroker,
  type TopicImage,
  TopicsImage,
} from './families/topics/image.ts';

/** The parts of the image, one for each family of records. */
export interface ImageParts {
  readonly brokers: BrokersImage;
  readonly topics: TopicsImage;
  readonly configs: ConfigsImage;
  readonly producerIds: ProducerIdsImage;
}

export interface ImageState extends ImageParts {
  readonly offset: Offset;
  readonly epoch: QuorumEpoch;
}

/** The image has shortcuts to brokers, topics and partitions, because most readers need one of them. */
export class MetadataImage implements ImageState {
  /** The last applied offset of the metadata log; -1 before the first record. */
  readonly offset: Offset;
  /** The quorum epoch of the last applied record. */
  readonly epoch: QuorumEpoch;
  readonly brokers: BrokersImage;
  readonly topics: TopicsImage;
  readonly configs: ConfigsImage;
  readonly producerIds: ProducerIdsImage;

  constructor({ offset, epoch, brokers, topics, configs, producerIds }: ImageState) {
    this.offset = offset;
    this.epoch = epoch;
    this.brokers = brokers;
    this.topics = topics;
    this.configs = configs;
    this.producerIds = producerIds;
  }

  broker(id: NodeId): BrokerRegistration | undefined {
    return this.brokers.get(id);
  }

  /** All registered brokers by ascending id. */
  sortedBrokers(): BrokerRegistration[] {
    return this.brokers.sorted();
  }

  /** True if the broker is registered and not fenced. */
  isAlive(id: NodeId): boolean {
    return this.brokers.isAlive(id);
  }

  /** True if the broker is alive and not in controlled shutdown: it may lead and join ISRs. */
  isActive(id: NodeId): boolean {
    return this.brokers.isActive(id);
  }

  topic(name: string): TopicImage | undefined {
    return this.topics.named(name);
  }

  topicById(id: Uuid): TopicImage | undefined {
    return this.topics.get(id);
  }

  get topicCount(): number {
    return this.topics.size;
  }

  /** The names of all topics, sorted by UTF-16 code unit. */
  get topicNames(): readonly string[] {
    return this.topics.names;
  }

  partition(topicId: Uuid, partition: number): PartitionImage | undefined {
    return this.topics.get(topicId)?.partitions[partition];
  }

  /** See TopicsImage.colliding. */
  collidingTopic(name: string): string | undefined {
    return this.topics.colliding(name);
  }

  /** The partitions that have a replica on the broker, by ascending topic id and index. */
  partitionsOf(broker: NodeId): Generator<PartitionOfBroker> {
    return this.topics.partitionsOf(broker);
  }

  /** How many replicas a broker holds. */
  replicaCount(broker: NodeId): number {
    return this.topics.state.replicas.count(broker);
  }

  /**
   * The changes that the latest requests made to topics and configs. They show whether a request is a retry.
   */
  get carriedOut(): CarriedOut {
    return this.topics.state.carriedOut;
  }

  /** The configs set on the topic itself, without defaults. */
  topicConfig(name: string): Configs {
    return this.configs.topic(name);
  }

  /** The dynamic configs of the broker with this id. '' stands for the default of all brokers. */
  brokerConfig(name: string): Configs {
    return this.configs.broker(name);
  }

  /** The configs set on the group itself, without defaults. */
  groupConfig(id: string): Configs {
    return this.configs.group(id);
  }

  /** Ids of the groups that set configs, sorted. */
  get configuredGroups(): readonly string[] {
    return [...this.configs.byGroup.keys()].sort();
  }

  /** The first producer id that the controller has not given to a broker. */
  get nextProducerId(): number {
    return this.producerIds.next;
  }

  static readonly EMPTY = new MetadataImage({
    offset: -1,
    epoch: 0,
    brokers: BrokersImage.EMPTY,
    topics: TopicsImage.EMPTY,
    configs: ConfigsImage.EMPTY,
    producerIds: ProducerIdsImage.EMPTY,
  });
}

/**
 * The image as plain sorted data, for checkers, tests and dumps. Two images give equal data exactly if they
 * describe the same state. Leaves out offset and epoch, because two logs may reach the same state at
 * different offsets.
 */
export function imageToPlain(image: MetadataImage): unknown {
  const { topics, configs } = image;
  const { replicas, collidableNames, carriedOut } = topics.state;
  return {
    brokers: image.sortedBrokers(),
    topics: topics.names.map((name) => topics.named(name)),
    topicConfigs: plainConfigs(configs.byTopic),
    brokerConfigs: plainConfigs(configs.byBroker),
    groupConfigs: plainConfigs(configs.byGroup),
    replicasByBroker: replicas
      .brokers()
      .map((id) => [id, [...topics.partitionsOf(id)].map(({ topic, index }) => [topic.name, index])]),
    collidableNames: [...collidableNames].sort(([a], [b]) => (a < b ? -1 : 1)),
    nextProducerId: image.nextProducerId,
    carriedOut: carriedOut.toPlain(),
  };
}

function plainConfigs(map: ImmutableMap<string, Configs>): unknown {
  return [...map.keys()]
    .sort()
    .map((name) => [name, [...map.get(name)!].sort(([a], [b]) => (a < b ? -1 : 1))]);
}
