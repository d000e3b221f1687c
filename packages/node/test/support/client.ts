/** A Kafka client for tests. It sends requests to one broker, in versions that the test chooses. */
import { KafkaClient } from '@millrace/client/io';
import {
  type AnyApi,
  apis,
  buildBatch,
  ErrorCode,
  type RequestInputOf,
  type ResponseOf,
  readBatchHeader,
  readRecords,
} from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';

export class TestClient {
  readonly #client: KafkaClient;

  private constructor(client: KafkaClient) {
    this.#client = client;
  }

  static async connect(port: number): Promise<TestClient> {
    return new TestClient(await KafkaClient.connect(`127.0.0.1:${port}`, { clientId: 'test' }));
  }

  close(): void {
    this.#client.close();
  }

  call<A extends AnyApi>(api: A, version: number, request: RequestInputOf<A>): Promise<ResponseOf<A>> {
    return this.#client.call(api, request, { version });
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

  /** Produces records with the key `keyText` or without a key. Returns error code and base offset. */
  async produce(
    topic: string,
    partition: number,
    values: readonly string[],
    acks: -1 | 0 | 1 = -1,
    keyText?: string,
  ) {
    const key = keyText === undefined ? null : new TextEncoder().encode(keyText);
    const records = buildBatch({
      baseTimestamp: Date.now(),
      records: values.map((value) => ({ key, value: new TextEncoder().encode(value), headers: [] })),
    });
    const { responses } = await this.call(apis.produce, 9, {
      acks,
      timeoutMs: 10_000,
      topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
    });
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
    return { errorCode, baseOffset };
  }

  /** Fetches once as a consumer, and returns the values in the answer. */
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

/** Calls `what` until the result is defined. Only the timeout of the test limits the attempts. */
export async function eventually<T>(what: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await what();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
