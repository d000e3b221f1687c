/**
 * A simulated consumer. The consumer of the package `client` fetches for it. The simulated consumer decodes
 * the records, and writes them to the history. It also writes each position that the consumer of the package
 * `client` looks up.
 */
import type { Millis, Uuid } from '@millrace/base';
import type { SeenRecord } from '@millrace/checkers';
import {
  Consumer as ClientConsumer,
  type ClusterView,
  type FetchedRecords,
  type Position,
  type PositionReason,
} from '@millrace/client';
import { type AnyApi, apis, batchSizeAt } from '@millrace/protocol';
import type { BatchReader } from './batch-reader.ts';
import { clusterViewOf } from './cluster-view.ts';
import { type ClientEnv, countError, topicAnswered } from './env.ts';

export interface ConsumerOptions {
  readonly topics: () => readonly string[];
  readonly start: 'earliest' | 'latest';
  /** The version of Fetch, 4 to 18. It has sessions from 7 on, and topic ids from 13 on. */
  readonly version: number;
  readonly usesSessions: boolean;
  /** Whether requests carry the leader epoch that the consumer knows (KIP-320). */
  readonly sendsEpochs: boolean;
  /**
   * Whether the consumer asks each new leader whether the consumer's position is still part of the log, as
   * the Java client does.
   */
  readonly validatesPositions: boolean;
  /** How long the next fetch may wait for records. */
  readonly maxWaitMs: () => Millis;
  readonly maxBytes: number;
  readonly requestTimeoutMs: Millis;
}

/** From this version on, Fetch names topics by their ids, not by their names. */
const FETCH_WITH_ID_VERSION = 13;
const LIST_OFFSETS_VERSION = 7;
/** A version of older clients, without OFFSET_NOT_AVAILABLE. Every second ListOffsets request uses it. */
const LIST_OFFSETS_VERSION_OLD = 4;
const OFFSET_FOR_LEADER_EPOCH_VERSION = 4;

export class Consumer {
  readonly name: string;
  /** Time of the last record; -1: none yet. */
  lastReadUs = -1;
  private readonly env: ClientEnv;
  private readonly options: ConsumerOptions;
  private readonly batches: BatchReader;
  private readonly metadata: ClusterView;
  private readonly consumer: ClientConsumer;
  private listings = 0;

  constructor(env: ClientEnv, options: ConsumerOptions, batches: BatchReader) {
    this.name = env.name;
    this.env = env;
    this.options = options;
    this.batches = batches;
    this.metadata = clusterViewOf(env, {
      timeoutMs: options.requestTimeoutMs,
      wanted: options.topics,
      changed: () => this.consumer.clusterChanged(),
    });
    this.consumer = this.consumerOver(this.metadata);
  }

  start(): void {
    this.metadata.start();
  }

  /** Ends the process of the consumer. */
  end(): void {
    this.env.life.die('process');
  }

  /** By `topic-partition`. */
  get positions(): ReadonlyMap<string, Readonly<Position>> {
    return this.consumer.positions;
  }

  private consumerOver(cluster: ClusterView): ClientConsumer {
    const { env, options } = this;
    const { topics, start, usesSessions, sendsEpochs, validatesPositions, maxWaitMs, maxBytes } = options;
    return new ClientConsumer({
      clock: env.life.clock,
      cluster,
      topics,
      start,
      usesSessions,
      sendsEpochs,
      validatesPositions,
      get maxWaitMs() {
        return maxWaitMs();
      },
      maxBytes,
      versionOf: (api) => this.versionOf(api),
      observer: {
        records: (position, fetched) => this.read(position, fetched),
        assigned: (position, offset, why) => this.assigned(position, offset, why),
        damaged: (position, offset) => {
          env.world.count('consumer saw a damaged batch');
          const { topic, partition } = position;
          const topicId = this.topicFetched(position);
          env.history.damaged({ client: env.name, topic, topicId, partition, offset });
        },
        error: (code) => countError(env, code),
      },
    });
  }

  private versionOf({ key }: Pick<AnyApi, 'key'>): number {
    if (key === apis.fetch.key) return this.options.version;
    if (key === apis.offsetForLeaderEpoch.key) return OFFSET_FOR_LEADER_EPOCH_VERSION;
    return this.listings++ % 2 === 0 ? LIST_OFFSETS_VERSION : LIST_OFFSETS_VERSION_OLD;
  }

  private assigned({ topic, partition }: Position, offset: number, why: PositionReason): void {
    const { world, history, name } = this.env;
    if (why === 'truncated') world.count('consumer position truncated');
    // ListOffsets and OffsetForLeaderEpoch name the topic in every version that the consumer uses.
    const topicId = topicAnswered(this.env, topic, this.options.requestTimeoutMs);
    const place = { topic, topicId, partition };
    history.add({ type: 'assign', client: name, ...place, offset, why, endedUs: world.nowUs });
  }

  /**
   * The id of the topic from which the answer that arrives now has records. Undefined if this is not certain.
   */
  private topicFetched({ topic, topicId }: Position): Uuid | undefined {
    const { version, requestTimeoutMs } = this.options;
    return version >= FETCH_WITH_ID_VERSION ? topicId : topicAnswered(this.env, topic, requestTimeoutMs);
  }

  private read(position: Position, fetched: FetchedRecords): void {
    const { world, history, name } = this.env;
    const { topic, partition } = position;
    const { bytes, fetchOffset, highWatermark, brokerId } = fetched;
    const records = this.decode(bytes, fetchOffset);
    if (records.length === 0) return;
    this.lastReadUs = world.nowUs;
    history.add({
      type: 'poll',
      client: name,
      topic,
      topicId: this.topicFetched(position),
      partition,
      fetchOffset,
      records,
      highWatermark,
      brokerId,
      endedUs: world.nowUs,
    });
  }

  private decode(batches: Uint8Array, fetchOffset: number): SeenRecord[] {
    const seen: SeenRecord[] = [];
    for (let at = 0; at < batches.length; ) {
      const end = at + batchSizeAt(batches, at)!;
      for (const record of this.batches.records(batches.subarray(at, end)))
        if (record.offset >= fetchOffset) seen.push(record);
      at = end;
    }
    return seen;
  }
}
