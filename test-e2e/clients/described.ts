/**
 * Compares the topics that a client listed, and the topic that it described, with what the cluster itself
 * answers to requests of this test. A client program in another language writes what it got to
 * `described.json`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { aliveBrokers, allTopics, type PartitionView, partitionsOf } from '../lib/wire.ts';

/** Every client creates its topic with these settings. A client that can describe configs must show them. */
export const CONFIGS: Readonly<Record<string, string>> = { 'retention.ms': '172800000' };

export interface DescribedPartition extends PartitionView {
  readonly partition: number;
}

export interface Described {
  /** The names of all topics. */
  readonly topics: readonly string[];
  /** The ids of all brokers. */
  readonly brokers: readonly number[];
  /** The partitions of the topic that the client created. */
  readonly partitions: readonly DescribedPartition[];
  /** The topic's settings named in CONFIGS; undefined for a client that cannot describe configs. */
  readonly configs?: Readonly<Record<string, string>>;
}

export function readDescribed(folder: string): Described {
  return JSON.parse(readFileSync(join(folder, 'described.json'), 'utf8')) as Described;
}

export async function expectDescribed(topic: string, described: Described): Promise<void> {
  const servers = inject('bootstrapServers');
  const topics = (await allTopics(servers)).filter(isOfUsers);
  expect(topics).toContain(topic);
  expect([...described.topics].filter(isOfUsers).sort()).toEqual(topics.sort());
  expect([...described.brokers].sort()).toEqual([...(await aliveBrokers(servers)).keys()].sort());
  const partitions = (await partitionsOf(servers, topic)).map((view, partition) => ({ partition, ...view }));
  expect([...described.partitions].sort((a, b) => a.partition - b.partition)).toEqual(partitions);
  for (const { replicas, isr } of partitions) {
    expect(new Set(replicas).size).toBe(3);
    expect(new Set(isr)).toEqual(new Set(replicas));
  }
  if (described.configs !== undefined) expect(described.configs).toMatchObject(CONFIGS);
}

/** Some clients leave out internal topics, so the comparison ignores them. */
function isOfUsers(topic: string): boolean {
  return !topic.startsWith('__');
}
