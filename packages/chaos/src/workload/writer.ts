/**
 * A writer: at a fixed pace it appends a record to the next partition, whatever happens to the cluster. The
 * history gets each batch when the batch ends: acknowledged, failed or unknown.
 *
 * Nobody deletes the topic of a writer during a run. So the name of the topic means one topic, and the
 * history needs no topic ids.
 */
import type { Timer } from '@millrace/base';
import type { Outcome, SendOp } from '@millrace/checkers';
import { type BatchIdentity, Producer } from '@millrace/client';
import type { ClusterClient, KafkaCluster } from '@millrace/client/io';
import { buildBatch } from '@millrace/protocol';
import { connect, until, type WorkloadClient, type WorkloadContext } from './context.ts';

export interface WriterOptions {
  /** The client's name in the history. Each value is `NAME-N`. */
  readonly name: string;
  readonly topic: string;
  /** The writer uses the partitions 0 to `partitions` - 1 in turn. */
  readonly partitions: number;
  readonly acks: 0 | 1 | -1;
  readonly idempotent: boolean;
  /** The time between two records. */
  readonly paceMs: number;
  /** How many different keys the records have; 0: no keys. Default 0. */
  readonly keys?: number;
  /** Default 30,000, as in the Java client. */
  readonly requestTimeoutMs?: number;
  /** When the writer gives up a batch. Default 120,000, as in the Java client. */
  readonly deliveryTimeoutMs?: number;
}

interface Batch {
  readonly op: SendOp;
  readonly topic: string;
  readonly partition: number;
  readonly recordCount: number;
  readonly baseTimestamp: number;
}

const REQUEST_TIMEOUT_MS = 30_000;
const DELIVERY_TIMEOUT_MS = 120_000;
const MAX_IN_FLIGHT = 5;
/** Without a leader the writer keeps at most so many batches of a partition, then leaves its turns out. */
const WAITING_MAX = 1_000;
/** After a longer stall of this process the writer does not make up for the turns that it missed. */
const LATE_MS_MAX = 1_000;

export class WorkloadWriter implements WorkloadClient {
  readonly name: string;
  private readonly context: WorkloadContext;
  private readonly options: WriterOptions;
  private readonly cluster: KafkaCluster;
  private readonly client: ClusterClient;
  private readonly producer: Producer<Batch>;
  private values = 0;
  private turns = 0;
  private dueMs: number;
  private timer: Timer | undefined;
  private stopping: Promise<void> | undefined;

  /** Rejects if no broker answers, or if the options contradict each other. */
  static async start(context: WorkloadContext, options: WriterOptions): Promise<WorkloadWriter> {
    refuseWrong(options);
    const { name, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
    return new WorkloadWriter(context, options, await connect(context, name, requestTimeoutMs));
  }

  private constructor(context: WorkloadContext, options: WriterOptions, cluster: KafkaCluster) {
    this.name = options.name;
    this.context = context;
    this.options = options;
    this.cluster = cluster;
    this.producer = this.makeProducer();
    this.client = {
      wantedTopics: [options.topic],
      clusterChanged: () => this.producer.clusterChanged(),
    };
    cluster.add(this.client);
    this.dueMs = cluster.clock.monotonicMs();
    this.turn();
  }

  stop(withinMs: number): Promise<void> {
    this.stopping ??= this.end(withinMs);
    return this.stopping;
  }

  private async end(withinMs: number): Promise<void> {
    this.timer?.cancel();
    await until(() => this.producer.isIdle, withinMs);
    // Ends every open batch: as `info` if some attempt left, and as `fail` if none did.
    this.producer.close();
    this.cluster.remove(this.client);
    this.cluster.close();
  }

  private makeProducer(): Producer<Batch> {
    const { context, options, cluster } = this;
    const { acks, idempotent, topic, name: client } = options;
    const { requestTimeoutMs = REQUEST_TIMEOUT_MS, deliveryTimeoutMs = DELIVERY_TIMEOUT_MS } = options;
    return new Producer<Batch>({
      clock: cluster.clock,
      cluster: cluster.view,
      acks,
      ...(idempotent ? { idempotence: { bumpsEpoch: true } } : {}),
      maxInFlight: MAX_IN_FLIGHT,
      timeoutMs: requestTimeoutMs,
      deliveryTimeoutMs,
      encode: (batch, identity) => this.encode(batch, identity),
      observer: {
        acknowledged: ({ op }, baseOffset, ackedBy) => this.ended(op, 'ok', { baseOffset, ackedBy }),
        failed: ({ op }, error) => this.ended(op, 'fail', { error }),
        unknown: ({ op }, error) => this.ended(op, 'info', { error }),
        sequenceLost: ({ op, partition }) =>
          context.sink({ line: 'lost-sequence', client, topic, partition, value: op.values[0]! }),
      },
    });
  }

  private ended(op: SendOp, outcome: Outcome, facts: Partial<SendOp>): void {
    Object.assign(op, { outcome, endedUs: this.context.nowUs(), ...facts });
    this.context.sink({ line: 'op', op });
  }

  /** Writes what is due, and comes again. */
  private turn(): void {
    const { clock } = this.cluster;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.dueMs > LATE_MS_MAX) this.dueMs = nowMs;
    for (; this.dueMs <= nowMs; this.dueMs += this.options.paceMs) this.write();
    this.producer.poll();
    this.timer = clock.setTimer(this.dueMs - nowMs, () => this.turn());
  }

  private write(): void {
    const { producer, context } = this;
    const { name: client, topic, partitions, acks, idempotent } = this.options;
    const partition = this.turns++ % partitions;
    if (producer.waitingCount(topic, partition) >= WAITING_MAX || context.isFull?.() === true) return;
    const op: SendOp = {
      type: 'send',
      client,
      topic,
      topicId: undefined,
      partition,
      mayStray: false,
      values: [`${client}-${this.values++}`],
      acks,
      idempotent,
      invokedUs: context.nowUs(),
      endedUs: -1,
      outcome: 'info',
      baseOffset: undefined,
      error: undefined,
      ackedBy: undefined,
    };
    producer.enqueue({ op, topic, partition, recordCount: 1, baseTimestamp: Date.now() });
  }

  /** Each attempt has the same bytes, apart from the identity. */
  private encode({ op, baseTimestamp }: Batch, identity: BatchIdentity | undefined): Uint8Array {
    const { keys = 0 } = this.options;
    return buildBatch({
      records: op.values.map((value) => {
        const number = Number(value.slice(this.name.length + 1));
        const key = keys === 0 ? null : Buffer.from(`key-${number % keys}`);
        return { key, value: Buffer.from(value) };
      }),
      baseTimestamp,
      ...(identity === undefined
        ? {}
        : {
            producerId: identity.producerId,
            producerEpoch: identity.epoch,
            baseSequence: identity.sequence,
          }),
    });
  }
}

function refuseWrong({ name, partitions, acks, idempotent, paceMs, keys = 0 }: WriterOptions): void {
  const refuse = (what: string) => {
    throw new RangeError(`writer ${name}: ${what}`);
  };
  if (!Number.isSafeInteger(partitions) || partitions < 1) refuse(`partitions must be 1 or more`);
  if (!(paceMs >= 1)) refuse('paceMs must be 1 or more');
  if (!Number.isSafeInteger(keys) || keys < 0) refuse('keys must be 0 or more');
  if (idempotent && acks !== -1) refuse('an idempotent writer needs acks=all (-1)');
}
