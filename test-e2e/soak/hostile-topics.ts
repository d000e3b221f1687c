/** Creates the topics for hostile clients, and finds the leaders of their partitions. */
import { setTimeout as sleep } from 'node:timers/promises';
import { aliveBrokers, createTopic, partitionsOf } from '../lib/wire.ts';

export const INT64_MAX = 0x7fff_ffff_ffff_ffffn;

const PARTITIONS = 3;
/**
 * The wait after the creation of the topics. A broker refuses every request for a topic that it does not know
 * yet. After this time, every broker knows the topics.
 */
const METADATA_MS = 500;

const topics = {
  batches: { name: 'hostile', configs: { 'max.message.bytes': String(64 << 20) } },
  ordinary: { name: 'hostile-ordinary', configs: {} },
  idle: { name: 'hostile-idle', configs: {} },
  compacted: { name: 'hostile-compacted', configs: { 'cleanup.policy': 'compact' } },
  unbounded: {
    name: 'hostile-nanoseconds',
    configs: { 'message.timestamp.after.max.ms': String(INT64_MAX) },
  },
} satisfies Record<string, { name: string; configs: Record<string, string> }>;

export interface Where {
  readonly topic: string;
  readonly partition: number;
  /** The port of the partition's leader. */
  readonly port: number;
}

/**
 * Returns a partition of the topic, with its leader. `n` is the index of the partition; after the last
 * partition, it begins again at partition 0.
 */
export type Leaders = (topic: keyof typeof topics, n: number) => Where;

export async function createTopics(servers: string): Promise<Leaders> {
  for (const { name, configs } of Object.values(topics)) {
    await createTopic(servers, { name, partitions: PARTITIONS, replicas: 3, configs });
  }
  await sleep(METADATA_MS);
  const wheres = new Map<string, Where[]>();
  for (const { name } of Object.values(topics)) wheres.set(name, await leadersOf(servers, name));
  return (topic, n) => wheres.get(topics[topic].name)![n % PARTITIONS]!;
}

async function leadersOf(servers: string, topic: string): Promise<Where[]> {
  const [partitions, brokers] = [await partitionsOf(servers, topic), await aliveBrokers(servers)];
  return partitions.map(({ leader }, partition) => {
    const port = Number(brokers.get(leader)?.split(':').at(-1));
    return { topic, partition, port };
  });
}
