/** Images that no sequence of records can produce, for tests of the checkers that must notice them. */
import type { Uuid } from '@millrace/base';
import { type BrokerRegistration, BrokersImage } from '../families/brokers.ts';
import { ProducerIdsImage } from '../families/producer-ids.ts';
import { type TopicImage, TopicsImage } from '../families/topics/image.ts';
import { MetadataImage } from '../image.ts';

export function withBroker(image: MetadataImage, broker: BrokerRegistration): MetadataImage {
  return new MetadataImage({
    ...image,
    brokers: new BrokersImage(image.brokers.byId.set(broker.id, broker)),
  });
}

/** `id`: the id under which the image stores the topic. */
export function withTopic(image: MetadataImage, id: Uuid, topic: TopicImage): MetadataImage {
  const { state } = image.topics;
  return new MetadataImage({
    ...image,
    topics: new TopicsImage({ ...state, byId: state.byId.set(id, topic) }),
  });
}

/** Returns an image that finds the topic by its id, but not by its name. */
export function withoutTopicName(image: MetadataImage, name: string): MetadataImage {
  const { state } = image.topics;
  return new MetadataImage({ ...image, topics: new TopicsImage({ ...state, ids: state.ids.delete(name) }) });
}

export function withNextProducerId(image: MetadataImage, next: number): MetadataImage {
  return new MetadataImage({ ...image, producerIds: new ProducerIdsImage(next) });
}
