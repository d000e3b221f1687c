/**
 * What a change of brokers does to partitions: leaderships and ISR memberships that have to move when brokers go, and
 * leaderless partitions that can be led again when one is back. Costs what the partitions of these brokers cost.
 */
import type { NodeId } from '@millrace/base';
import {
  booleanOf,
  effectiveTopicConfig,
  type MetadataImage,
  type MetadataRecord,
  numberOf,
} from '@millrace/metadata';
import type { ControllerConfig } from './config.ts';
import { partitionChange } from './partition-change.ts';

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
  { brokers, isActive, leaving, leavesEmpty }: BrokerEffects,
): MetadataRecord[] {
  const records: MetadataRecord[] = [];
  const seen = new Set<string>();
  for (const broker of brokers) {
    for (const { topic, index, partition } of image.partitionsOf(broker)) {
      if (brokers.length > 1) {
        const key = `${topic.id}/${index}`;
        if (seen.has(key)) continue;
        seen.add(key);
      }
      const uncleanElection = allowsUncleanElection(image, config, topic.name);
      const minInsyncReplicas = minInsyncReplicasOf(image, config, topic.name);
      const situation = { partition, isActive, leaving, leavesEmpty, uncleanElection, minInsyncReplicas };
      const record = partitionChange(topic.id, index, situation);
      if (record !== undefined) records.push(record);
    }
  }
  return records;
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
