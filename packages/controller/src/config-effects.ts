/**
 * The partition changes that follow from altered configs.
 *
 * `min.insync.replicas`: a replica is in the ELR because the leader commits nothing while the ISR is smaller
 * than min ISR. With another min ISR the leader may commit without that replica. So the ELR empties if the
 * min ISR of the partition's leader changes (KIP-966). The records that empty ELRs come before the new value:
 * a failover between two batches must not leave such an ELR beside the new value. While a partition has no
 * leader, nobody commits, and its ELR stays.
 *
 * `unclean.leader.election.enable`: partitions without a leader may get one at once. The elections come last,
 * because they need the new value. If a failover loses them, the next controller elects (electLeaderless).
 */
import { applyRecords, type MetadataImage, type MetadataRecord } from '@millrace/metadata';
import { electLeaderless, minInsyncReplicasOf } from './broker-effects.ts';
import type { ControllerConfig } from './config.ts';

/** Returns the records with the partition changes before and after them. */
export function configEffects(
  image: MetadataImage,
  config: ControllerConfig,
  records: readonly MetadataRecord[],
): readonly MetadataRecord[] {
  if (records.length === 0) return records;
  const batch = { baseOffset: image.offset + 1, epoch: image.epoch, records };
  const { image: altered, delta } = applyRecords(image, batch);
  const { changedBrokerConfigs, changedConfigs } = delta;
  const isInherited = changedBrokerConfigs.has('') || changedBrokerConfigs.has(String(config.nodeId));
  const topics = isInherited ? image.topicNames : [...changedConfigs].sort();
  return [...emptiedElrs(image, altered, topics), ...records, ...electLeaderless(altered, config, topics)];
}

function emptiedElrs(
  before: MetadataImage,
  after: MetadataImage,
  topics: readonly string[],
): MetadataRecord[] {
  const records: MetadataRecord[] = [];
  for (const name of topics) {
    const topic = before.topic(name)!;
    const minBefore = minInsyncReplicasOf(before, name);
    const minAfter = minInsyncReplicasOf(after, name);
    topic.partitions.forEach(({ leader, elr }, partition) => {
      if (leader === -1 || elr.length === 0 || minBefore(leader) === minAfter(leader)) return;
      records.push({ type: 'partitionChange', topicId: topic.id, partition, elr: [] });
    });
  }
  return records;
}
