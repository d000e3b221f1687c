/** A small Kafka client for tests: one connection, requests in order, versions chosen by the caller. */
import { connect, type Socket } from 'node:net';
import {
  type Api,
  apis,
  buildBatch,
  decodeResponseHeader,
  ErrorCode,
  encodeRequestFrame,
  FrameReader,
  type RequestInputOf,
  type ResponseOf,
  readBatchHeader,
  readRecords,
} from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';

// biome-ignore lint/suspicious/noExplicitAny: any API of the table
type AnyApi = Api<any, any, any, any>;

export class TestClient {
  readonly #socket: Socket;
  readonly #frames = new FrameReader(100 << 20);
  readonly #waiting: { resolve(frame: Uint8Array): void; reject(error: Error): void }[] = [];
  #correlationId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#frames.push(chunk as Buffer);
      for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next())
        this.#waiting.shift()?.resolve(frame);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const waiter of this.#waiting.splice(0)) waiter.reject(new Error('connection closed'));
    });
  }

  static connect(port: number): Promise<TestClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => resolve(new TestClient(socket)));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  async call<A extends AnyApi>(api: A, version: number, request: RequestInputOf<A>): Promise<ResponseOf<A>> {
    if (this.#socket.destroyed) throw new Error('connection closed');
    const answered = new Promise<Uint8Array>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    for (const chunk of encodeRequestFrame(api, version, this.#correlationId++, 'test', request))
      this.#socket.write(chunk);
    const frame = await answered;
    const { bodyPosition } = decodeResponseHeader(api, version, frame);
    return api.decodeResponse(version, frame, bodyPosition) as ResponseOf<A>;
  }

  metadata(...topics: string[]) {
    return this.call(apis.metadata, 12, {
      topics: topics.map((name) => ({ name })),
      allowAutoTopicCreation: false,
    });
  }

  async createTopic(
    name: string,
    numPartitions: number,
    replicationFactor: number,
    configs: Record<string, string> = {},
  ): Promise<void> {
    const { topics } = await this.call(apis.createTopics, 7, {
      timeoutMs: 10_000,
      topics: [
        {
          name,
          numPartitions,
          replicationFactor,
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
    });
    if (topics[0]!.errorCode !== ErrorCode.NONE)
      throw new Error(`${topics[0]!.errorCode}: ${topics[0]!.errorMessage}`);
  }

  /** Returns the error code and the base offset. */
  async produce(topic: string, partition: number, values: readonly string[], acks: -1 | 0 | 1 = -1) {
    const records = buildBatch({
      baseTimestamp: Date.now(),
      records: values.map((value) => ({ key: null, value: new TextEncoder().encode(value), headers: [] })),
    });
    const { responses } = await this.call(apis.produce, 9, {
      acks,
      timeoutMs: 10_000,
      topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
    });
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
    return { errorCode, baseOffset };
  }

  /** The values of one answer, from an offset on. `replicaId` -1: a consumer. */
  async fetch(topic: string, partition: number, fetchOffset: number) {
    const { responses } = await this.call(apis.fetch, 11, {
      replicaId: -1,
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 10 << 20,
      sessionEpoch: -1,
      topics: [
        {
          topic,
          partitions: [{ partition, fetchOffset, partitionMaxBytes: 1 << 20, currentLeaderEpoch: -1 }],
        },
      ],
    });
    const answer = responses[0]!.partitions[0]!;
    return {
      errorCode: answer.errorCode,
      highWatermark: answer.highWatermark,
      values: valuesOf(answer.records ?? new Uint8Array(0)),
    };
  }
}

export function valuesOf(batches: Uint8Array): string[] {
  const values: string[] = [];
  for (let position = 0; position < batches.length; ) {
    const { sizeBytes } = readBatchHeader(batches, position);
    for (const record of readRecords(batches.subarray(position, position + sizeBytes), compressionCodecs))
      values.push(new TextDecoder().decode(record.value ?? new Uint8Array(0)));
    position += sizeBytes;
  }
  return values;
}

/** Repeats until the result is defined; the test's own timeout ends it. */
export async function eventually<T>(what: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await what();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
