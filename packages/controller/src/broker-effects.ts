/**
 * The partition changes that follow from a change of brokers. When a broker stops, other replicas take over
 * its leaderships, and the broker leaves each ISR for which partition-change.ts allows this. When a broker
 * returns, leaderless partitions get a leader. The cost grows with the number of partitions of the changed
 * brokers.
 */
import type { NodeId } from '@millrace/base';
import {
  booleanOf,
  effectiveTopicConfig,
  type MetadataImage,
  type MetadataRecord,
  numberOf,
  type TopicImage,
} from '@millrace/metadata';
import type { ControllerConfig } from './config.ts';
import { inheritedConfigs } from './inherited-configs.ts';
import { isFailed, partitionChange } from './partition-change.ts';

export interface BrokerEffects {
  /** Brokers whose partitions may change. */
  readonly brokers: readonly NodeId[];
  /** Whether a broker is active after the change. */
  readonly isActive: (broker: NodeId) => boolean;
  /** The broker among `brokers` that restarted uncleanly, if there is one. */
  readonly leaving?: NodeId | undefined;
  /** True if the leaving broker returned with a different disk. */
  readonly leavesEmpty?: boolean | undefined;
}

export function partitionEffects(
  image: MetadataImage,
  config: ControllerConfig,
  effects: BrokerEffects,
): MetadataRecord[] {
  const records: MetadataRecord[] = [];
  const seen = new Set<string>();
  for (const broker of effects.brokers) {
    for (const { topic, index } of image.partitionsOf(broker)) {
      if (effects.brokers.length > 1) {
        const key = `${topic.id}/${index}`;
        if (seen.has(key)) continue;
        seen.add(key);
      }
      const record = effectOn(image, config, topic, index, effects);
      if (record !== undefined) records.push(record);
    }
  }
  return records;
}

/**
 * Elects a leader for each partition that has none, if an election is allowed now. Two cases need this. An
 * earlier controller may have been deposed between two batches of one decision. Or an altered config may now
 * allow an unclean election.
 */
export function electLeaderless(
  image: MetadataImage,
  config: ControllerConfig,
  topics = image.topicNames,
): MetadataRecord[] {
  const records: MetadataRecord[] = [];
  const isActive = (id: NodeId) => image.isActive(id);
  for (const name of topics) {
    const topic = image.topic(name)!;
    topic.partitions.forEach(({ leader }, index) => {
      const record = leader === -1 ? effectOn(image, config, topic, index, { isActive }) : undefined;
      if (record !== undefined) records.push(record);
    });
  }
  return records;
}

function effectOn(
  image: MetadataImage,
  config: ControllerConfig,
  topic: TopicImage,
  index: number,
  { isActive, leaving, leavesEmpty }: Omit<BrokerEffects, 'brokers'>,
): MetadataRecord | undefined {
  const uncleanElection = allowsUncleanElection(image, config, topic.name);
  const partition = topic.partitions[index]!;
  return partitionChange(topic.id, index, {
    partition,
    isActive,
    isFailed: (id) => isFailed(image, partition, id),
    leaving,
    leavesEmpty,
    uncleanElection,
    minInsyncReplicas: minInsyncReplicasOf(image, topic.name),
  });
}

/**
 * Returns, for a leader of the topic, the `min.insync.replicas` by which this leader commits: the topic's
 * value, or else the dynamic value of all brokers, or else the value that the leader registered. The
 * controller's own value does not count, because the leader does not know it.
 */
export function minInsyncReplicasOf(image: MetadataImage, topic: string): (leader: NodeId) => number {
  const name = 'min.insync.replicas';
  const set = image.topicConfig(topic).get(name) ?? image.brokerConfig('').get(name);
  return (leader) => (set === undefined ? (image.broker(leader)?.minInsyncReplicas ?? 1) : numberOf(set));
}

export function allowsUncleanElection(
  image: MetadataImage,
  config: ControllerConfig,
  topic: string,
): boolean {
  const layers = { ...inheritedConfigs(image, config), topic: image.topicConfig(topic) };
  return booleanOf(effectiveTopicConfig('unclean.leader.election.enable', layers));
}
