/** `millrace topic …`: the everyday commands of kafka-topics.sh. */
import { KafkaClient } from '@millrace/client/io';
import { apis, ErrorCode, errorName } from '@millrace/protocol';
import { clientOptions } from '../client-options.ts';
import { UserError } from '../user-error.ts';

const TIMEOUT_MS = 15_000;

interface Bootstrap {
  bootstrapServer: string;
}

export async function topicCreate(
  name: string,
  options: Bootstrap & { partitions?: number; replicationFactor?: number; config: Record<string, string> },
): Promise<void> {
  await withClient(options, async (client) => {
    const answer = await client.call(apis.createTopics, {
      topics: [
        {
          name,
          numPartitions: options.partitions ?? -1,
          replicationFactor: options.replicationFactor ?? -1,
          assignments: [],
          configs: Object.entries(options.config).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: TIMEOUT_MS,
      validateOnly: false,
    });
    refuse(`topic '${name}' was not created`, answer.topics[0]);
    process.stdout.write(`Created topic ${name}.\n`);
  });
}

export async function topicList(options: Bootstrap): Promise<void> {
  await withClient(options, async (client) => {
    const names = (await describe(client, undefined)).map((topic) => topic.name ?? '');
    process.stdout.write(
      names
        .sort()
        .map((name) => `${name}\n`)
        .join(''),
    );
  });
}

export async function topicDescribe(name: string | undefined, options: Bootstrap): Promise<void> {
  await withClient(options, async (client) => {
    for (const topic of await describe(client, name)) {
      refuse(`topic '${topic.name}' cannot be described`, topic);
      const factor = topic.partitions[0]?.replicaNodes.length ?? 0;
      const head = `Topic: ${topic.name}\tTopicId: ${topic.topicId}`;
      process.stdout.write(
        `${head}\tPartitionCount: ${topic.partitions.length}\tReplicationFactor: ${factor}\n`,
      );
      for (const partition of topic.partitions) {
        const leader = partition.leaderId < 0 ? 'none' : partition.leaderId;
        process.stdout.write(
          `\tTopic: ${topic.name}\tPartition: ${partition.partitionIndex}\tLeader: ${leader}\tReplicas: ${partition.replicaNodes.join(',')}\tIsr: ${partition.isrNodes.join(',')}\n`,
        );
      }
    }
  });
}

export async function topicDelete(name: string, options: Bootstrap): Promise<void> {
  await withClient(options, async (client) => {
    const request = { topics: [{ name }], topicNames: [name], timeoutMs: TIMEOUT_MS };
    const answer = await client.call(apis.deleteTopics, request);
    refuse(`topic '${name}' was not deleted`, answer.responses[0]);
    process.stdout.write(`Deleted topic ${name}.\n`);
  });
}

async function describe(client: KafkaClient, name: string | undefined) {
  const answer = await client.call(apis.metadata, {
    topics: name === undefined ? null : [{ name }],
    allowAutoTopicCreation: false,
  });
  return [...answer.topics].sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
}

function refuse(what: string, result: { errorCode: number; errorMessage?: string | null } | undefined): void {
  if (result === undefined) throw new UserError(`${what}: the broker's answer does not mention it`);
  if (result.errorCode === ErrorCode.NONE) return;
  const why = result.errorMessage ? ` (${result.errorMessage})` : '';
  throw new UserError(`${what}: ${errorName(result.errorCode)}${why}`);
}

async function withClient(options: Bootstrap, work: (client: KafkaClient) => Promise<void>): Promise<void> {
  const client = await KafkaClient.bootstrap(options.bootstrapServer, clientOptions);
  try {
    await work(client);
  } finally {
    client.close();
  }
}
