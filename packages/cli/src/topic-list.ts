/** Topics as users name them: `orders` for a whole topic, `orders:0,2` for some of its partitions. */
import { partitionName, type TopicPartition } from '@millrace/client';
import { UserError } from './user-error.ts';

export interface NamedTopic {
  readonly topic: string;
  /** Undefined: all partitions. */
  readonly partitions: readonly number[] | undefined;
}

export function parseTopic(text: string): NamedTopic {
  const match = /^([^:]+)(?::(\d+(?:,\d+)*))?$/.exec(text);
  if (match === null)
    throw new UserError(`invalid topic '${text}': expected NAME or NAME:PARTITION,…, for example orders:0,2`);
  const [, topic, partitions] = match;
  return { topic: topic!, partitions: partitions?.split(',').map(Number) };
}

/** The partitions of these topics. `counts`: the number of partitions of each topic that exists. */
export function partitionsIn(
  topics: readonly NamedTopic[],
  counts: ReadonlyMap<string, number>,
): TopicPartition[] {
  const all = topics.flatMap(({ topic, partitions }) => {
    const count = counts.get(topic);
    if (count === undefined) throw new UserError(`topic '${topic}' does not exist`);
    for (const partition of partitions ?? []) refuseMissing(topic, partition, count);
    const indexes = partitions ?? Array.from({ length: count }, (_, index) => index);
    return indexes.map((partition) => ({ topic, partition }));
  });
  const seen = new Set<string>();
  for (const name of all.map(partitionName)) {
    if (seen.has(name)) throw new UserError(`partition ${name} is given twice`);
    seen.add(name);
  }
  return all;
}

/** Returns only the name of the topic and the index of the partition. */
export function placeOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}

export function refuseMissing(topic: string, partition: number, count: number): void {
  if (partition < count) return;
  const has = count === 1 ? 'only partition 0' : `partitions 0 to ${count - 1}`;
  throw new UserError(`topic '${topic}' has no partition ${partition}: it has ${has}`);
}
