/**
 * What a client learned when it listed all topics and described its own, against what the tests ask
 * over the wire. The programs of other languages leave it in `described.json`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { aliveBrokers, allTopics, type PartitionView, partitionsOf } from '../lib/wire.ts';

/** Settings that every client gives its topic, so that a described one shows that they arrived. */
export const CONFIGS: Readonly<Record<string, string>> = { 'retention.ms': '172800000' };

export interface DescribedPartition extends PartitionView {
  readonly partition: number;
}

export interface Described {
  /** The names of all topics. */
  readonly topics: readonly string[];
  /** The ids of all brokers. */
  readonly brokers: readonly number[];
  /** Of the client's own topic. */
  readonly partitions: readonly DescribedPartition[];
  /** The topic's settings named in CONFIGS; left out by a client that cannot ask for them. */
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

/** Some clients leave out the internal topics that other makes of broker have. */
function isOfUsers(topic: string): boolean {
  return !topic.startsWith('__');
}
