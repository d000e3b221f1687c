/** The topic `__consumer_offsets`, which the front end creates when a client needs it. */
import type { OffsetsTopicConfig } from '@millrace/coordinator';
import { type MetadataImage, OFFSETS_TOPIC } from '@millrace/metadata';
import type { WantedTopic } from './auto-topic-creation.ts';

const OFFSETS_REPLICATION_FACTOR = 3;

/** `__consumer_offsets` with the settings with which this broker creates it. */
export function offsetsTopic(config: OffsetsTopicConfig, image: MetadataImage): WantedTopic {
  const { partitions, segmentBytes } = config;
  const { replicationFactor = Math.min(OFFSETS_REPLICATION_FACTOR, image.brokers.size) } = config;
  return {
    name: OFFSETS_TOPIC,
    numPartitions: partitions,
    replicationFactor,
    // Advise no replicas if the user has set the factor: then the broker does not warn.
    ...(config.replicationFactor === undefined ? { replicasAdvised: OFFSETS_REPLICATION_FACTOR } : {}),
    configs: [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'compression.type', value: 'producer' },
      { name: 'segment.bytes', value: String(segmentBytes) },
    ],
  };
}
