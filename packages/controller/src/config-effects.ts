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

/** Returns these records, with the partition changes that follow from them before and after them. */
export function configEffects(
  image: MetadataImage,
  config: ControllerConfig,
  records: readonly MetadataRecord[],
): readonly MetadataRecord[] {
  const minIsrTopics = affectedTopics(image, config, records, 'min.insync.replicas');
  const uncleanTopics = affectedTopics(image, config, records, 'unclean.leader.election.enable');
  if (minIsrTopics.length === 0 && uncleanTopics.length === 0) return records;
  const batch = { baseOffset: image.offset + 1, epoch: image.epoch, records };
  const { image: altered } = applyRecords(image, batch);
  return [
    ...emptiedElrs(image, altered, minIsrTopics),
    ...records,
    ...electLeaderless(altered, config, uncleanTopics),
  ];
}

/**
 * The topics whose value of the config `name` may change with the records. Few configs have effects on
 * partitions, and a cluster may have thousands of topics. So if the records alter only other configs, this
 * function looks at no topic.
 */
function affectedTopics(
  image: MetadataImage,
  { nodeId }: ControllerConfig,
  records: readonly MetadataRecord[],
  name: string,
): readonly string[] {
  const topics = new Set<string>();
  for (const record of records) {
    if (record.type !== 'config' || record.name !== name) continue;
    const { resourceType, resourceName } = record;
    if (resourceType === 'topic') topics.add(resourceName);
    else if (resourceName === '' || resourceName === String(nodeId)) return image.topicNames;
  }
  return [...topics].sort();
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
