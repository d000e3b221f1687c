/** Looks up the offsets at one timestamp in some partitions. */
import { partitionName, type TopicPartition } from '@millrace/client';
import { ClientError, type KafkaCluster } from '@millrace/client/io';

/** Resolves with offsets by `topic-partition`. Rejects with a ClientError if a lookup fails. */
export async function offsetsAt(
  cluster: Pick<KafkaCluster, 'lookUp'>,
  places: readonly TopicPartition[],
  timestamp: number,
): Promise<Map<string, number>> {
  if (places.length === 0) return new Map();
  const { found, failed } = await cluster.lookUp(places.map((place) => ({ ...place, timestamp })));
  if (failed.size > 0) {
    const reasons = [...failed].map(([place, why]) => `${place}: ${why}`);
    throw new ClientError(`some partitions cannot be read (${reasons.join('; ')})`);
  }
  return new Map(found.map((one) => [partitionName(one), one.offset]));
}
