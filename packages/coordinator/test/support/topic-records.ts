/** The metadata records of a topic whose partitions all lead on broker 1. */
import type { Uuid } from '@millrace/base';
import { applyRecords, MetadataImage, type MetadataRecord } from '@millrace/metadata';
import { TOPIC, TOPIC_ID } from './fake-partitions.ts';

export function topicOf(name: string, topicId: Uuid, partitions: number): MetadataRecord[] {
  return [
    { type: 'topic', name, topicId },
    ...Array.from({ length: partitions }, (_, partition) => ({
      type: 'partition' as const,
      topicId,
      partition,
      replicas: [1],
      isr: [1],
      leader: 1,
      leaderEpoch: 0,
      partitionEpoch: 0,
    })),
  ];
}

/** A cluster with `__consumer_offsets` and no other topic. */
export function imageWithOffsetsTopic(partitions: number): MetadataImage {
  const records = topicOf(TOPIC, TOPIC_ID, partitions);
  return applyRecords(MetadataImage.EMPTY, { baseOffset: 0, epoch: 1, records }).image;
}
