/**
 * A simulated producer. It draws what it sends, and the producer of the package `client` sends and retries.
 * The simulated producer writes the outcome of every batch to the history: ok, fail (certainly not appended)
 * or info (unknown).
 */
import type { Millis, Random, Uuid } from '@millrace/base';
import type { Outcome, SendOp } from '@millrace/checkers';
import { type BatchIdentity, Producer as ClientProducer, type ClusterView } from '@millrace/client';
import { buildBatch, type Compression, type NewRecord, setMaxTimestamp } from '@millrace/protocol';
import type { Micros } from '../world/index.ts';
import { clusterViewOf } from './cluster-view.ts';
import { type ClientEnv, countError } from './env.ts';
import { VALUE_HEADER } from './sent-value.ts';

export interface ProducerOptions {
  /** The current names of the topics to write to. */
  readonly topics: () => readonly string[];
  readonly acks: 0 | 1 | -1;
  readonly idempotent: boolean;
  /** `max.in.flight.requests.per.connection`, here per partition. */
  readonly maxInFlight: number;
  readonly recordsMax: number;
  /** The current average time between two batches. */
  readonly paceMs: () => Millis;
  readonly requestTimeoutMs: Millis;
  readonly deliveryTimeoutMs: Millis;
  readonly compression: Compression;
  /** The version of Produce, 7 to 13. */
  readonly version: number;
  /**
   * How an idempotent producer continues after it gives up a batch. True: with the next producer epoch, as in
   * Java. False: with a new producer id, as in librdkafka.
   */
  readonly bumpsEpoch: boolean;
  readonly paddingBytes: number;
  /** Whether the records of the topic have keys. */
  readonly isKeyed: (topic: string) => boolean;
}

interface Batch {
  readonly op: SendOp;
  readonly order: number;
  readonly topic: string;
  readonly partition: number;
  readonly recordCount: number;
  readonly attempts: Attempts;
}

/** The attempts to send a batch. */
interface Attempts {
  count: number;
  /** The times at which the first attempt and the last attempt left. */
  firstUs: Micros;
  lastUs: Micros;
  /** The topic ids in the client's metadata at the attempts. The id of the last attempt comes last. */
  readonly topicIds: Set<Uuid>;
}

const INIT_PRODUCER_ID_VERSION = 4;
/** The first version of Produce that has topic ids and no names. */
const PRODUCE_WITH_ID_VERSION = 13;
/** One batch in this many has records with other timestamps than its header. */
const ODD_TIMESTAMPS_ONE_IN = 4;
const EARLIER_MS = 1_000;
/**
 * The number of different keys. Compaction soon replaces the records of the first keys. The last keys are
 * rare, so that the latest record of such a key meets several cleanings.
 */
const KEYS = 12;
/** One record with a key in this many is a tombstone. */
const TOMBSTONE_ONE_IN = 5;
/** The producer creates no batch for a partition while this many of its batches wait to be sent there. */
const WAITING_MAX = 50;

export class Producer {
  readonly name: string;
  /** Time of the last acknowledgement; -1: never. */
  lastAckUs = -1;
  private readonly env: ClientEnv;
  private readonly options: ProducerOptions;
  private readonly metadata: ClusterView;
  private readonly producer: ClientProducer<Batch>;
  /** The batches that have not ended, the oldest first. */
  private readonly open = new Set<SendOp>();
  private batches = 0;
  private values = 0;
  private isStopping = false;

  constructor(env: ClientEnv, options: ProducerOptions) {
    this.name = env.name;
    this.env = env;
    this.options = options;
    this.metadata = clusterViewOf(env, {
      timeoutMs: options.requestTimeoutMs,
      wanted: options.topics,
      changed: () => this.producer.clusterChanged(),
    });
    this.producer = this.producerOver(this.metadata);
  }

  start(): void {
    this.metadata.start();
    this.think();
  }

  /** Creates no more batches, but still sends those that wait. */
  stop(): void {
    this.isStopping = true;
    this.producer.pollsItself = true;
  }

  /** Whether the producer asks for acknowledgements. */
  get isAcknowledged(): boolean {
    return this.options.acks !== 0;
  }

  get isIdle(): boolean {
    return this.producer.isIdle;
  }

  /** The time at which the oldest batch that has not ended was created, or infinity if there is none. */
  get waitsSinceUs(): number {
    for (const { invokedUs } of this.open) return invokedUs;
    return Number.POSITIVE_INFINITY;
  }

  private producerOver(cluster: ClusterView): ClientProducer<Batch> {
    const { env, options } = this;
    const { bumpsEpoch } = options;
    const answered = (code: number) => countError(env, code);
    return new ClientProducer<Batch>({
      clock: env.life.clock,
      cluster,
      encode: (batch, identity) => this.encode(batch, identity),
      acks: options.acks,
      ...(options.idempotent
        ? { idempotence: { bumpsEpoch, version: INIT_PRODUCER_ID_VERSION, answered } }
        : {}),
      maxInFlight: options.maxInFlight,
      timeoutMs: options.requestTimeoutMs,
      deliveryTimeoutMs: options.deliveryTimeoutMs,
      version: options.version,
      // Until `stop`, the client's producer does not poll by itself: `think` polls it after each pause.
      pollsItself: false,
      observer: {
        answered,
        sent: ({ attempts }, topicId) => {
          if (attempts.count++ === 0) attempts.firstUs = env.world.nowUs;
          attempts.lastUs = env.world.nowUs;
          attempts.topicIds.delete(topicId);
          attempts.topicIds.add(topicId);
        },
        acknowledged: (batch, baseOffset, ackedBy) => {
          if (batch.op.acks !== 0) this.lastAckUs = env.world.nowUs;
          this.end(batch, 'ok', { baseOffset, ackedBy });
        },
        failed: (batch, error) => this.end(batch, 'fail', { error }),
        unknown: (batch, error) => this.end(batch, 'info', { error }),
        sequenceLost: (batch) => {
          const { op, topic, partition } = batch;
          const topicId = this.topicOfAttempts(batch);
          env.history.sequenceLost({ client: env.name, topic, topicId, partition, value: op.values[0]! });
        },
      },
    });
  }

  private think(): void {
    const { random, life } = this.env;
    life.clock.setTimer(1 + random.below(2 * this.options.paceMs()), () => {
      if (!this.isStopping) {
        this.produce();
        this.think();
      }
      this.producer.poll();
    });
  }

  private produce(): void {
    const { env, options, producer } = this;
    const names = options.topics().filter((name) => this.metadata.topics.has(name));
    if (names.length === 0) return;
    const topic = names[env.random.below(names.length)]!;
    const { partitions } = this.metadata.topics.get(topic)!;
    if (partitions.length === 0) return;
    const partition = env.random.below(partitions.length);
    if (producer.waitingCount(topic, partition) >= WAITING_MAX) return;
    const count = 1 + env.random.below(options.recordsMax);
    const values = Array.from({ length: count }, () => `${env.name}-${this.values++}`);
    const op: SendOp = {
      type: 'send',
      client: env.name,
      topic,
      topicId: undefined,
      partition,
      values,
      mayStray: true,
      acks: options.acks,
      idempotent: options.idempotent,
      invokedUs: env.world.nowUs,
      endedUs: -1,
      outcome: 'info',
      baseOffset: undefined,
      error: undefined,
      ackedBy: undefined,
    };
    this.open.add(op);
    const attempts = { count: 0, firstUs: -1, lastUs: -1, topicIds: new Set<Uuid>() };
    producer.enqueue({ op, order: this.batches++, topic, partition, recordCount: count, attempts });
  }

  private end(batch: Batch, outcome: Outcome, facts: Partial<SendOp>): void {
    const { op, attempts } = batch;
    this.open.delete(op);
    const mayStray = this.hasIds
      ? attempts.topicIds.size > 1
      : attempts.count > 1 || outcome !== 'ok' || op.acks === 0;
    const topic = { topicId: this.topicReached(batch), mayStray };
    Object.assign(op, { outcome, endedUs: this.env.world.nowUs, ...topic, ...facts });
    this.env.history.add(op);
  }

  /**
   * The id of the topic in which a sequence was lost. If the requests have topic ids, it is the topic of the
   * last attempt. If the requests have names, it is the topic that all attempts reached. Undefined if several
   * topics are possible. A producer that names the topic may lose a sequence between two topics, as with
   * Kafka: the old topic takes a batch, and the new topic gets the next batch.
   */
  private topicOfAttempts(batch: Batch): Uuid | undefined {
    if (this.hasIds) return this.topicReached(batch);
    return this.env.topicIdOf(batch.topic, batch.attempts.firstUs);
  }

  private get hasIds(): boolean {
    return this.options.version >= PRODUCE_WITH_ID_VERSION;
  }

  /** The topic that the last attempt reached. Undefined if none or several are possible. */
  private topicReached({ topic, op, attempts }: Batch): Uuid | undefined {
    if (this.hasIds) return [...attempts.topicIds].at(-1);
    // With acks=0 the request may still be under way.
    if (op.acks === 0 || attempts.count === 0) return undefined;
    return this.env.topicIdOf(topic, attempts.lastUs);
  }

  private encode({ op, order, topic }: Batch, identity: BatchIdentity | undefined): Uint8Array {
    const { env, options } = this;
    // Each batch has a random source of its own, so every attempt draws the same, and other draws do not
    // change.
    const draws = env.random.fork(`timestamps of ${order}`);
    const isOdd = draws.below(ODD_TIMESTAMPS_ONE_IN) === 0;
    const baseTimestamp = env.life.clock.wallMs();
    const padding = 'x'.repeat(options.paddingBytes);
    const keys = options.isKeyed(topic) ? env.random.fork(`keys of ${order}`) : undefined;
    const batch = buildBatch({
      records: op.values.map((value) => ({
        ...(isOdd ? { timestamp: baseTimestamp - draws.below(EARLIER_MS) } : {}),
        ...contentOf(padding === '' ? value : `${value} ${padding}`, keys),
      })),
      baseTimestamp,
      compression: options.compression,
      codecs: env.codecs,
      ...(identity === undefined
        ? {}
        : {
            producerId: identity.producerId,
            producerEpoch: identity.epoch,
            baseSequence: identity.sequence,
          }),
    });
    // Some clients, for example kafkajs, write -1 or the time of another record into the header.
    if (isOdd) setMaxTimestamp(batch, 0, draws.below(2) === 0 ? -1 : baseTimestamp - 2 * EARLIER_MS);
    return batch;
  }
}

/** `keys` undefined: the record has no key. */
function contentOf(text: string, keys: Random | undefined): Omit<NewRecord, 'timestamp'> {
  const value = Buffer.from(text);
  if (keys === undefined) return { value };
  const key = Buffer.from(`key-${keys.below(1 + keys.below(KEYS))}`);
  const isTombstone = keys.below(TOMBSTONE_ONE_IN) === 0;
  return isTombstone ? { key, value: null, headers: [{ key: VALUE_HEADER, value }] } : { key, value };
}
