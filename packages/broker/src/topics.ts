/** Topic names that the front end treats specially. */
import { OFFSETS_TOPIC, type OffsetsTopicConfig } from '@millrace/coordinator';
import type { MetadataImage } from '@millrace/metadata';
import type { WantedTopic } from './auto-topic-creation.ts';

const INTERNAL_TOPICS: ReadonlySet<string> = new Set([
  OFFSETS_TOPIC,
  '__transaction_state',
  '__share_group_state',
]);

/**
 * Topics that the cluster itself writes: clients may read them, but only the admin client may produce to
 * them.
 */
export function isInternalTopic(name: string): boolean {
  return INTERNAL_TOPICS.has(name);
}

const OFFSETS_REPLICATION_FACTOR = 3;

/** The topic of committed offsets, as this broker creates it. */
export function offsetsTopic(config: OffsetsTopicConfig, image: MetadataImage): WantedTopic {
  const { partitions, segmentBytes } = config;
  const { replicationFactor = Math.min(OFFSETS_REPLICATION_FACTOR, image.brokers.size) } = config;
  return {
    name: OFFSETS_TOPIC,
    numPartitions: partitions,
    replicationFactor,
    // The broker does not warn about a replication factor that the user has set.
    ...(config.replicationFactor === undefined ? { replicasAdvised: OFFSETS_REPLICATION_FACTOR } : {}),
    configs: [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'compression.type', value: 'producer' },
      { name: 'segment.bytes', value: String(segmentBytes) },
    ],
  };
}
