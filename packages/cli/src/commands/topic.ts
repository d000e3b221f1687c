/** `millrace topic …`: the everyday commands of kafka-topics.sh. */
import {
  type ConfigChange,
  createPartitionsRequest,
  createTopicRequest,
  deleteTopicRequest,
  describeTopicsRequest,
  topicsIn,
} from '@millrace/client';
import type { KafkaClient } from '@millrace/client/io';
import { apis } from '@millrace/protocol';
import { UserError } from '../user-error.ts';
import { refuse, withClient } from '../with-client.ts';
import type { Bootstrap } from '../with-cluster.ts';
import { alter } from './config.ts';

const TIMEOUT_MS = 15_000;

export async function topicCreate(
  name: string,
  options: Bootstrap & { partitions?: number; replicationFactor?: number; config: Record<string, string> },
): Promise<void> {
  await withClient(options, async (client) => {
    const { partitions = -1, replicationFactor = -1, config: configs } = options;
    const request = createTopicRequest({ name, partitions, replicationFactor, configs }, TIMEOUT_MS);
    const answer = await client.call(apis.createTopics, request);
    refuse(`topic '${name}' was not created`, answer.topics[0]);
    process.stdout.write(`Created topic ${name}.\n`);
  });
}

export async function topicList(options: Bootstrap): Promise<void> {
  await withClient(options, async (client) => {
    const topics = await describe(client, undefined);
    process.stdout.write(topics.map(({ name }) => `${name}\n`).join(''));
  });
}

export async function topicDescribe(name: string | undefined, options: Bootstrap): Promise<void> {
  await withClient(options, async (client) => {
    for (const topic of await describe(client, name)) {
      refuse(`topic '${topic.name}' cannot be described`, topic);
      const factor = topic.partitions[0]?.replicas.length ?? 0;
      const head = `Topic: ${topic.name}\tTopicId: ${topic.topicId}`;
      process.stdout.write(
        `${head}\tPartitionCount: ${topic.partitions.length}\tReplicationFactor: ${factor}\n`,
      );
      for (const partition of topic.partitions) {
        const leader = partition.leaderId < 0 ? 'none' : partition.leaderId;
        process.stdout.write(
          `\tTopic: ${topic.name}\tPartition: ${partition.partition}\tLeader: ${leader}\tReplicas: ${partition.replicas.join(',')}\tIsr: ${partition.isr.join(',')}\n`,
        );
      }
    }
  });
}

/**
 * Changes the configs of a topic, and adds partitions. It changes the configs first. So if the cluster
 * refuses the configs, nothing changes.
 */
export async function topicAlter(
  name: string,
  options: Bootstrap & { partitions?: number; config: Record<string, string>; unset?: readonly string[] },
): Promise<void> {
  const { partitions, config, unset = [], bootstrapServer } = options;
  const changes: ConfigChange[] = [
    ...Object.entries(config).map(([key, value]) => ({ name: key, value })),
    ...unset.map((key) => ({ name: key, value: undefined })),
  ];
  if (partitions === undefined && changes.length === 0)
    throw new UserError('nothing to change: use --partitions, --config or --unset');
  if (changes.length > 0) await alter({ type: 'topic', name }, changes, { bootstrapServer });
  if (partitions === undefined) return;
  await withClient(options, async (client) => {
    const request = createPartitionsRequest(name, partitions, TIMEOUT_MS);
    const answer = await client.call(apis.createPartitions, request);
    refuse(`topic '${name}' got no new partitions`, answer.results[0]);
    process.stdout.write(`Topic ${name} has ${partitions} partitions now.\n`);
  });
}

export async function topicDelete(name: string, options: Bootstrap): Promise<void> {
  await withClient(options, async (client) => {
    const answer = await client.call(apis.deleteTopics, deleteTopicRequest(name, TIMEOUT_MS));
    refuse(`topic '${name}' was not deleted`, answer.responses[0]);
    process.stdout.write(`Deleted topic ${name}.\n`);
  });
}

async function describe(client: KafkaClient, name: string | undefined) {
  const request = describeTopicsRequest(name === undefined ? null : [name]);
  return topicsIn(await client.call(apis.metadata, request));
}
