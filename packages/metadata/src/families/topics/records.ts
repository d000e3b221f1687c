/** Writes the topics of an image as the records of a snapshot. */
import type { MetadataRecord } from '../../records.ts';
import type { PartitionImage, TopicImage, TopicsImage } from './image.ts';

/** The records that replay to these topics. The partitions of a topic follow the topic. */
export function* recordsOfTopics(topics: TopicsImage): Generator<MetadataRecord> {
  for (const name of topics.names) yield* recordsOfTopic(topics.named(name)!);
  yield* topics.state.carriedOut.records();
}

function* recordsOfTopic({ id: topicId, name, partitions }: TopicImage): Generator<MetadataRecord> {
  yield { type: 'topic', name, topicId };
  for (const [index, partition] of partitions.entries())
    yield { type: 'partition', topicId, partition: index, ...briefly(partition) };
}

/** Leaves out each field that has the replay's default, because most partitions have only defaults. */
function briefly({ elr, formerIsr, failedReplicas, lastKnownLeader, ...partition }: PartitionImage) {
  return {
    ...partition,
    elr: elr.length === 0 ? undefined : elr,
    formerIsr: formerIsr.length === 0 ? undefined : formerIsr,
    failedReplicas: failedReplicas.length === 0 ? undefined : failedReplicas,
    lastKnownLeader: lastKnownLeader === -1 ? undefined : lastKnownLeader,
  };
}
