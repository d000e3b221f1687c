/**
 * A reader: it reads every partition of a topic by assignment, from the beginning of the log. The history
 * gets the records of each answer, and each position that the reader looks up.
 */
import type { Timer } from '@millrace/base';
import { Consumer, type FetchedRecords, type Position, type PositionReason } from '@millrace/client';
import type { ClusterClient, KafkaCluster } from '@millrace/client/io';
import { connect, type WorkloadClient, type WorkloadContext } from './context.ts';
import { seenRecords } from './seen-records.ts';

export interface ReaderOptions {
  readonly name: string;
  readonly topic: string;
  /** Default 30,000, as in the Java client. */
  readonly requestTimeoutMs?: number;
}

const REQUEST_TIMEOUT_MS = 30_000;
const MAX_WAIT_MS = 500;
const FETCH_BYTES = 1 << 20;
/** When an error ends the reading of a partition, the reader begins again after this time. */
const AGAIN_MS = 1_000;

export class WorkloadReader implements WorkloadClient {
  readonly name: string;
  private readonly context: WorkloadContext;
  private readonly options: ReaderOptions;
  private readonly cluster: KafkaCluster;
  private readonly client: ClusterClient;
  private consumer: Consumer;
  private again: Timer | undefined;

  /** Rejects if no broker answers. */
  static async start(context: WorkloadContext, options: ReaderOptions): Promise<WorkloadReader> {
    const { name, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
    return new WorkloadReader(context, options, await connect(context, name, requestTimeoutMs));
  }

  private constructor(context: WorkloadContext, options: ReaderOptions, cluster: KafkaCluster) {
    this.name = options.name;
    this.context = context;
    this.options = options;
    this.cluster = cluster;
    this.consumer = this.makeConsumer();
    this.client = {
      wantedTopics: [options.topic],
      clusterChanged: () => this.consumer.clusterChanged(),
    };
    cluster.add(this.client);
  }

  /** Ends at once: a reader has no outcome to wait for. May be called twice. */
  stop(): Promise<void> {
    this.again?.cancel();
    this.consumer.close();
    this.cluster.remove(this.client);
    this.cluster.close();
    return Promise.resolve();
  }

  private makeConsumer(): Consumer {
    const { cluster, context, options } = this;
    const { topic, name: client } = options;
    return new Consumer({
      clock: cluster.clock,
      cluster: cluster.view,
      topics: () => [topic],
      start: 'earliest',
      usesSessions: true,
      sendsEpochs: true,
      validatesPositions: true,
      maxWaitMs: MAX_WAIT_MS,
      maxBytes: FETCH_BYTES,
      observer: {
        records: (position, fetched) => this.read(position, fetched),
        assigned: (position, offset, why) => this.assigned(position, offset, why),
        damaged: ({ partition }, offset) =>
          context.sink({ line: 'damaged-batch', client, topic, partition, offset }),
        failed: () => this.beginAgain(),
      },
    });
  }

  private read({ topic, partition }: Position, fetched: FetchedRecords): void {
    const { fetchOffset, highWatermark, brokerId } = fetched;
    const records = seenRecords(fetched);
    if (records.length === 0) return;
    this.context.sink({
      line: 'op',
      op: {
        type: 'poll',
        client: this.name,
        topic,
        topicId: undefined,
        partition,
        fetchOffset,
        records,
        highWatermark,
        brokerId,
        endedUs: this.context.nowUs(),
      },
    });
  }

  private assigned({ topic, partition }: Position, offset: number, why: PositionReason): void {
    const { context, name: client } = this;
    const endedUs = context.nowUs();
    context.sink({
      line: 'op',
      op: { type: 'assign', client, topic, topicId: undefined, partition, offset, why, endedUs },
    });
  }

  /** A new consumer looks up every position, so the history shows that the reader begins again. */
  private beginAgain(): void {
    this.again ??= this.cluster.clock.setTimer(AGAIN_MS, () => {
      this.again = undefined;
      this.consumer.close();
      this.consumer = this.makeConsumer();
      this.consumer.clusterChanged();
    });
  }
}
