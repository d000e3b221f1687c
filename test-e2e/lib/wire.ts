/**
 * The tests' own requests to a cluster, Millrace or other: leaders, ISR, the active controller, batch
 * headers. Uses our own protocol package, one request at a time, and for each question a new connection to
 * the first broker that answers.
 */
import { connect, type Socket } from 'node:net';
import {
  type AnyApi,
  apis,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameReader,
  type RequestInputOf,
  type ResponseOf,
  readBatchHeader,
} from '@millrace/protocol';

const ANSWER_BYTES_MAX = 256 << 20;
const FETCH_BYTES = 32 << 20;

export interface PartitionView {
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

export class Wire {
  readonly #socket: Socket;
  readonly #frames = new FrameReader(ANSWER_BYTES_MAX);
  readonly #timeoutMs: number;
  #waiting: { resolve(frame: Uint8Array): void; reject(error: Error): void } | undefined;
  #versions = new Map<number, number>();

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    const fail = (why: string) => this.#waiting?.reject(new Error(why));
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('the broker closed the connection'));
    socket.on('data', (chunk) => {
      this.#frames.push(chunk);
      const frame = this.#frames.next();
      if (frame !== undefined) this.#waiting?.resolve(frame);
    });
  }

  static async connect(server: string, timeoutMs = 5000): Promise<Wire> {
    const colon = server.lastIndexOf(':');
    const socket = connect({ host: server.slice(0, colon), port: Number(server.slice(colon + 1)) });
    const wire = new Wire(socket, timeoutMs);
    try {
      const known = await wire.#exchange(apis.apiVersions, 0, {});
      wire.#versions = new Map(known.apiKeys.map(({ apiKey, maxVersion }) => [apiKey, maxVersion]));
      return wire;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** Asks the first broker that answers. */
  static async ask<T>(bootstrapServers: string, question: (wire: Wire) => Promise<T>): Promise<T> {
    let failure = new Error('no broker named');
    for (const server of bootstrapServers.split(',')) {
      let wire: Wire | undefined;
      try {
        wire = await Wire.connect(server);
        return await question(wire);
      } catch (error) {
        failure = error as Error;
      } finally {
        wire?.close();
      }
    }
    throw failure;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Whether the broker advertises the API in ApiVersions. */
  has(apiKey: number): boolean {
    return this.#versions.has(apiKey);
  }

  async call<A extends AnyApi>(api: A, request: RequestInputOf<A>): Promise<ResponseOf<A>> {
    return await this.#exchange(api, Math.min(api.maxVersion, this.#versions.get(api.key) ?? -1), request);
  }

  /** Sends this version, whether the broker advertises it or not. */
  async callAt<A extends AnyApi>(
    api: A,
    version: number,
    request: RequestInputOf<A>,
  ): Promise<ResponseOf<A>> {
    return await this.#exchange(api, version, request);
  }

  async #exchange<A extends AnyApi>(
    api: A,
    version: number,
    request: RequestInputOf<A>,
  ): Promise<ResponseOf<A>> {
    let timer: NodeJS.Timeout | undefined;
    const answered = new Promise<Uint8Array>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      timer = setTimeout(() => reject(new Error(`no answer within ${this.#timeoutMs} ms`)), this.#timeoutMs);
    });
    try {
      for (const chunk of encodeRequestFrame(api, version, 0, 'test-e2e', request)) this.#socket.write(chunk);
      const frame = await answered;
      const { bodyPosition } = decodeResponseHeader(api, version, frame);
      return api.decodeResponse(version, frame, bodyPosition) as ResponseOf<A>;
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }
}

/** The topic's partitions by index. Rejects when it is unknown or a partition has an error. */
export async function partitionsOf(bootstrapServers: string, topic: string): Promise<PartitionView[]> {
  return await Wire.ask(bootstrapServers, async (wire) => {
    const answer = await wire.call(apis.metadata, {
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
  return await Wire.ask(bootstrapServers, async (wire) => {
    const { topics } = await wire.call(apis.metadata, { topics: null, allowAutoTopicCreation: false });
    return topics.flatMap(({ name }) => name ?? []);
  });
}

/** The ids and addresses of the unfenced brokers. */
export async function aliveBrokers(bootstrapServers: string): Promise<Map<number, string>> {
  return await Wire.ask(bootstrapServers, async (wire) => {
    const answer = await wire.call(apis.metadata, { topics: [], allowAutoTopicCreation: false });
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

async function quorum(bootstrapServers: string) {
  return await Wire.ask(bootstrapServers, async (wire) => {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }];
    const answer = await wire.call(apis.describeQuorum, { topics });
    return answer.topics[0]?.partitions[0];
  });
}

export async function createTopic(
  bootstrapServers: string,
  topic: { name: string; partitions: number; replicas: number; configs?: Record<string, string> },
): Promise<void> {
  await Wire.ask(bootstrapServers, async (wire) => {
    const configs = Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value }));
    const answer = await wire.call(apis.createTopics, {
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

export async function deleteTopic(bootstrapServers: string, name: string): Promise<void> {
  await Wire.ask(bootstrapServers, async (wire) => {
    await wire.call(apis.deleteTopics, {
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
    await Wire.ask(brokers.get(leader) ?? '', async (wire) => {
      let offset = 0;
      for (let records = await fetchFrom(wire, topic, partition, offset); records.length > 0; ) {
        for (let at = 0; records.length - at >= 61; ) {
          const header = readBatchHeader(records, at);
          if (header.sizeBytes > records.length - at) break;
          const codec = codecNames[header.compression] ?? String(header.compression);
          counts[codec] = (counts[codec] ?? 0) + header.recordCount;
          offset = header.baseOffset + header.lastOffsetDelta + 1;
          at += header.sizeBytes;
        }
        records = await fetchFrom(wire, topic, partition, offset);
      }
    });
  }
  return counts;
}

/** The log end offset that consumers see, by partition. */
export async function endOffsets(bootstrapServers: string, topic: string): Promise<number[]> {
  const [partitions, brokers] = [
    await partitionsOf(bootstrapServers, topic),
    await aliveBrokers(bootstrapServers),
  ];
  return await Promise.all(
    partitions.map(({ leader }, partitionIndex) =>
      Wire.ask(brokers.get(leader) ?? '', async (wire) => {
        const topics = [{ name: topic, partitions: [{ partitionIndex, timestamp: LATEST }] }];
        const answer = await wire.call(apis.listOffsets, { replicaId: -1, topics });
        return answer.topics[0]?.partitions[0]?.offset ?? -1;
      }),
    ),
  );
}

/** Fetches by name: version 12 is the last with names. */
async function fetchFrom(
  wire: Wire,
  topic: string,
  partition: number,
  fetchOffset: number,
): Promise<Uint8Array> {
  const answer = await wire.callAt(apis.fetch, 12, {
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: FETCH_BYTES,
    sessionEpoch: -1,
    topics: [{ topic, partitions: [{ partition, fetchOffset, partitionMaxBytes: FETCH_BYTES }] }],
  });
  return (answer.responses[0]?.partitions[0]?.records as Uint8Array | null | undefined) ?? new Uint8Array(0);
}
