/**
 * Requests of the tests themselves to a cluster of Millrace or of another Kafka. They ask for leaders, ISRs,
 * the active controller, and batch headers. Millrace's own client sends the requests. Each question uses a
 * new connection, to the first broker that answers or to a partition's leader.
 */
import { KafkaClient } from '@millrace/client/io';
import { apis, ConfigOperation, ConfigResourceType } from '@millrace/protocol';
import { fetchFrom, wholeBatches } from './fetch.ts';

export interface PartitionView {
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

export function connect(server: string, timeoutMs = 5000): Promise<KafkaClient> {
  const timeouts = { connectTimeoutMs: timeoutMs, requestTimeoutMs: timeoutMs };
  return KafkaClient.connect(server, { clientId: 'test-e2e', ...timeouts });
}

/** Asks one broker after another, until one has answered the whole question. */
export async function ask<T>(
  bootstrapServers: string,
  question: (client: KafkaClient) => Promise<T>,
): Promise<T> {
  let failure = new Error('no broker named');
  for (const server of bootstrapServers.split(',')) {
    let client: KafkaClient | undefined;
    try {
      client = await connect(server);
      return await question(client);
    } catch (error) {
      failure = error as Error;
    } finally {
      client?.close();
    }
  }
  throw failure;
}

/** The topic's partitions by index. Rejects if the topic has an error, for example because it is unknown. */
export async function partitionsOf(bootstrapServers: string, topic: string): Promise<PartitionView[]> {
  return await ask(bootstrapServers, async (client) => {
    const answer = await client.call(apis.metadata, {
      topics: [{ name: topic }],
      allowAutoTopicCreation: false,
    });
    const found = answer.topics[0];
    if (found === undefined || found.errorCode !== 0)
      throw new Error(`topic ${topic}: error ${found?.errorCode}`);
    const partitions = [...found.partitions].sort((a, b) => a.partitionIndex - b.partitionIndex);
    return partitions.map(({ leaderId, replicaNodes, isrNodes }) => ({
      leader: leaderId,
      replicas: replicaNodes,
      isr: isrNodes,
    }));
  });
}

/** The names of all topics. */
export async function allTopics(bootstrapServers: string): Promise<string[]> {
  return await ask(bootstrapServers, async (client) => {
    const { topics } = await client.call(apis.metadata, { topics: null, allowAutoTopicCreation: false });
    return topics.flatMap(({ name }) => name ?? []);
  });
}

/** The ids and addresses of the unfenced brokers. */
export async function aliveBrokers(bootstrapServers: string): Promise<Map<number, string>> {
  return await ask(bootstrapServers, async (client) => {
    const answer = await client.call(apis.metadata, { topics: [], allowAutoTopicCreation: false });
    return new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]));
  });
}

/** The active controller, as the quorum reports it; undefined when there is none. */
export async function activeController(bootstrapServers: string): Promise<number | undefined> {
  const leader = (await quorum(bootstrapServers))?.leaderId ?? -1;
  return leader < 0 ? undefined : leader;
}

/** The voters that have not replicated the metadata log up to its high watermark. */
export async function votersBehind(bootstrapServers: string): Promise<number[]> {
  const view = await quorum(bootstrapServers);
  if (view === undefined || view.leaderId < 0) throw new Error('the quorum has no leader');
  return view.currentVoters
    .filter(({ logEndOffset }) => logEndOffset < view.highWatermark)
    .map(({ replicaId }) => replicaId);
}

/** Whether, at some time since `sinceMs` (wall clock), this voter had the whole metadata log. */
export async function hasCaughtUp(
  bootstrapServers: string,
  voter: number,
  sinceMs: number,
): Promise<boolean> {
  const view = await quorum(bootstrapServers);
  const found = view?.currentVoters.find(({ replicaId }) => replicaId === voter);
  if (view === undefined || found === undefined) return false;
  return Number(found.lastFetchTimestamp) > sinceMs && found.logEndOffset >= view.highWatermark;
}

async function quorum(bootstrapServers: string) {
  return await ask(bootstrapServers, async (client) => {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }];
    const answer = await client.call(apis.describeQuorum, { topics });
    return answer.topics[0]?.partitions[0];
  });
}

export async function createTopic(
  bootstrapServers: string,
  topic: { name: string; partitions: number; replicas: number; configs?: Record<string, string> },
): Promise<void> {
  await ask(bootstrapServers, async (client) => {
    const configs = Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value }));
    const answer = await client.call(apis.createTopics, {
      topics: [
        {
          name: topic.name,
          numPartitions: topic.partitions,
          replicationFactor: topic.replicas,
          assignments: [],
          configs,
        },
      ],
      timeoutMs: 15_000,
      validateOnly: false,
    });
    const error = answer.topics[0]?.errorCode;
    if (error !== 0)
      throw new Error(
        `topic ${topic.name} was not created: error ${error} ${answer.topics[0]?.errorMessage}`,
      );
  });
}

/** Sets configs of a topic. */
export async function alterTopic(
  bootstrapServers: string,
  topic: string,
  configs: Readonly<Record<string, string>>,
): Promise<void> {
  const changes = Object.entries(configs).map(([name, value]) => {
    return { name, configOperation: ConfigOperation.SET, value };
  });
  await ask(bootstrapServers, async (client) => {
    const resources = [{ resourceType: ConfigResourceType.TOPIC, resourceName: topic, configs: changes }];
    const answer = await client.call(apis.incrementalAlterConfigs, { resources, validateOnly: false });
    const { errorCode, errorMessage } = answer.responses[0]!;
    if (errorCode !== 0) throw new Error(`${topic}: error ${errorCode} ${errorMessage}`);
  });
}

export async function growTopic(bootstrapServers: string, name: string, partitions: number): Promise<void> {
  await ask(bootstrapServers, async (client) => {
    const answer = await client.call(apis.createPartitions, {
      topics: [{ name, count: partitions, assignments: null }],
      timeoutMs: 15_000,
      validateOnly: false,
    });
    const error = answer.results[0]?.errorCode;
    if (error !== 0)
      throw new Error(`topic ${name} did not grow to ${partitions} partitions: error ${error}`);
  });
}

export async function deleteTopic(bootstrapServers: string, name: string): Promise<void> {
  await ask(bootstrapServers, async (client) => {
    await client.call(apis.deleteTopics, {
      topics: [{ name }],
      topicNames: [name],
      timeoutMs: 15_000,
    });
  });
}

const LATEST = -1;
const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** Number of records of the topic by codec, from the batch headers. */
export async function recordsByCodec(
  bootstrapServers: string,
  topic: string,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const [partitions, brokers] = [
    await partitionsOf(bootstrapServers, topic),
    await aliveBrokers(bootstrapServers),
  ];
  for (const [partition, { leader }] of partitions.entries()) {
    await ask(brokers.get(leader) ?? '', async (client) => {
      let offset = 0;
      for (;;) {
        const { records } = await fetchFrom(client, topic, partition, offset);
        if (records.length === 0) return;
        for (const { header } of wholeBatches(records)) {
          const codec = codecNames[header.compression] ?? String(header.compression);
          counts[codec] = (counts[codec] ?? 0) + header.recordCount;
          offset = header.lastOffset + 1;
        }
      }
    });
  }
  return counts;
}

/** For each partition: the high watermark, which is the end of the log for consumers. */
export async function endOffsets(bootstrapServers: string, topic: string): Promise<number[]> {
  const [partitions, brokers] = [
    await partitionsOf(bootstrapServers, topic),
    await aliveBrokers(bootstrapServers),
  ];
  return await Promise.all(
    partitions.map(({ leader }, partitionIndex) =>
      ask(brokers.get(leader) ?? '', async (client) => {
        const topics = [{ name: topic, partitions: [{ partitionIndex, timestamp: LATEST }] }];
        const answer = await client.call(apis.listOffsets, { replicaId: -1, topics });
        return answer.topics[0]?.partitions[0]?.offset ?? -1;
      }),
    ),
  );
}
