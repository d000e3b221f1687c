/**
 * What a change of brokers does to partitions: leaderships and ISR memberships that have to move when brokers
 * go, and leaderless partitions that can be led again when one is back. Costs what the partitions of these
 * brokers cost.
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
import { isFailed, partitionChange } from './partition-change.ts';

export interface BrokerEffects {
  /** Brokers whose partitions are looked at. */
  readonly brokers: readonly NodeId[];
  /** As it will be once the change is made. */
  readonly isActive: (broker: NodeId) => boolean;
  /** The one of them that restarted uncleanly. */
  readonly leaving?: NodeId | undefined;
  /** It has another disk than before. */
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
 * What an earlier controller was to elect when it was deposed, in the middle of a decision that was cut into
 * several batches.
 */
export function electLeaderless(image: MetadataImage, config: ControllerConfig): MetadataRecord[] {
  const records: MetadataRecord[] = [];
  const isActive = (id: NodeId) => image.isActive(id);
  for (const name of image.topicNames) {
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
  const minInsyncReplicas = minInsyncReplicasOf(image, config, topic.name);
  const partition = topic.partitions[index]!;
  return partitionChange(topic.id, index, {
    partition,
    isActive,
    isFailed: (id) => isFailed(image, partition, id),
    leaving,
    leavesEmpty,
    uncleanElection,
    minInsyncReplicas,
  });
}

export function minInsyncReplicasOf(image: MetadataImage, config: ControllerConfig, topic: string): number {
  const layers = { topic: image.topicConfig(topic), staticBroker: config.serverProperties };
  return numberOf(effectiveTopicConfig('min.insync.replicas', layers));
}

export function allowsUncleanElection(
  image: MetadataImage,
  config: ControllerConfig,
  topic: string,
): boolean {
  const layers = { topic: image.topicConfig(topic), staticBroker: config.serverProperties };
  return booleanOf(effectiveTopicConfig('unclean.leader.election.enable', layers));
}
