/**
 * A producer like librdkafka and the Java client: a queue of batches for each partition, several requests
 * under way, retries in order, idempotence with sequences. Every batch ends in the history as ok, fail
 * (certainly not appended) or info.
 */
import type { Millis, Timer } from '@millrace/base';
import type { Outcome, SendOp } from '@millrace/checkers';
import { type BatchIdentity, type ClusterView, ProducerIdentity, produceOutcome } from '@millrace/client';
import {
  apis,
  buildBatch,
  type Compression,
  ErrorCode,
  errorName,
  setMaxTimestamp,
} from '@millrace/protocol';
import { clusterViewOf } from './cluster-view.ts';
import { type ClientEnv, countError } from './env.ts';

export interface ProducerOptions {
  /** The current names of the topics to write to. */
  readonly topics: () => readonly string[];
  readonly acks: 0 | 1 | -1;
  readonly idempotent: boolean;
  /** `max.in.flight.requests.per.connection`, here per partition. */
  readonly maxInFlight: number;
  readonly recordsMax: number;
  readonly paceMs: Millis;
  readonly requestTimeoutMs: Millis;
  readonly deliveryTimeoutMs: Millis;
  readonly compression: Compression;
  /** 7 .. 13 */
  readonly version: number;
  /**
   * After it gives up a batch, an idempotent producer continues with the next epoch (Java), or as a new
   * producer (librdkafka).
   */
  readonly bumpsEpoch: boolean;
  readonly paddingBytes: number;
}

interface Batch {
  readonly op: SendOp;
  readonly order: number;
  readonly deadlineMs: Millis;
  /** The producer id, epoch and sequence of its first send; undefined: not sent yet. */
  identity: BatchIdentity | undefined;
  /** Its number among the batches of its queue that have sequences. */
  ordinal: number;
  /** Some attempt may have been appended. */
  mayHaveHappened: boolean;
  isEnded: boolean;
}

interface Queue {
  readonly topic: string;
  readonly partition: number;
  waiting: Batch[];
  inFlight: Batch[];
  /** The broker of the batches in flight. */
  inFlightTo: number;
  /** Number of batches with sequences so far. */
  sequenced: number;
  notBeforeMs: Millis;
}

const BACKOFF_MS = 100;
const INIT_PRODUCER_ID_VERSION = 4;
/** One batch in this many has records with other timestamps than its header. */
const ODD_TIMESTAMPS_ONE_IN = 4;
const EARLIER_MS = 1_000;
/**
 * A broker remembers the sequences of this many batches; a retry of an earlier one looks like a gap to it
 * (KIP-98).
 */
const REMEMBERED_BATCHES = 5;
/** The producer creates no more batches while this many wait. */
const WAITING_MAX = 50;

export class Producer {
  readonly name: string;
  /** Time of the last acknowledgement; -1: never. */
  lastAckUs = -1;
  private readonly env: ClientEnv;
  private readonly options: ProducerOptions;
  private readonly metadata: ClusterView;
  private readonly identity: ProducerIdentity | undefined;
  private readonly queues = new Map<string, Queue>();
  private batches = 0;
  private values = 0;
  private isStopping = false;
  private timer: Timer | undefined;
  private pumping = false;

  constructor(env: ClientEnv, options: ProducerOptions) {
    this.name = env.name;
    this.env = env;
    this.options = options;
    this.metadata = clusterViewOf(env, {
      timeoutMs: options.requestTimeoutMs,
      wanted: options.topics,
      changed: () => this.pump(),
    });
    this.identity = options.idempotent
      ? new ProducerIdentity({
          clock: env.life.clock,
          cluster: this.metadata,
          bumpsEpoch: options.bumpsEpoch,
          changed: () => this.pump(),
          version: INIT_PRODUCER_ID_VERSION,
          answered: (code) => countError(env, code),
        })
      : undefined;
  }

  start(): void {
    this.metadata.start();
    this.think();
  }

  /** Creates no more batches; still sends those that wait. */
  stop(): void {
    this.isStopping = true;
  }

  /** Whether it asks for acknowledgements. */
  get isAcknowledged(): boolean {
    return this.options.acks !== 0;
  }

  get isIdle(): boolean {
    for (const { waiting, inFlight } of this.queues.values())
      if (waiting.length + inFlight.length > 0) return false;
    return true;
  }

  private think(): void {
    const { random, life } = this.env;
    life.clock.setTimer(1 + random.below(2 * this.options.paceMs), () => {
      if (!this.isStopping) {
        this.produce();
        this.think();
      }
      this.pump();
      if (this.isStopping && !this.isIdle) this.wakeIn(BACKOFF_MS);
    });
  }

  private produce(): void {
    const { env, options } = this;
    const names = options.topics().filter((name) => this.metadata.topics.has(name));
    if (names.length === 0) return;
    const topic = names[env.random.below(names.length)]!;
    const { partitions } = this.metadata.topics.get(topic)!;
    if (partitions.length === 0) return;
    const partition = env.random.below(partitions.length);
    const queue = this.queueOf(topic, partition);
    if (queue.waiting.length >= WAITING_MAX) return;
    const count = 1 + env.random.below(options.recordsMax);
    const values = Array.from({ length: count }, () => `${env.name}-${this.values++}`);
    const op: SendOp = {
      type: 'send',
      client: env.name,
      topic,
      partition,
      values,
      acks: options.acks,
      idempotent: options.idempotent,
      invokedUs: env.world.nowUs,
      endedUs: -1,
      outcome: 'info',
      baseOffset: undefined,
      error: undefined,
      ackedBy: undefined,
    };
    queue.waiting.push({
      op,
      order: this.batches++,
      deadlineMs: env.life.clock.monotonicMs() + options.deliveryTimeoutMs,
      identity: undefined,
      ordinal: -1,
      mayHaveHappened: false,
      isEnded: false,
    });
  }

  private queueOf(topic: string, partition: number): Queue {
    const name = `${topic}-${partition}`;
    let queue = this.queues.get(name);
    if (queue === undefined) {
      queue = { topic, partition, waiting: [], inFlight: [], inFlightTo: -1, sequenced: 0, notBeforeMs: 0 };
      this.queues.set(name, queue);
    }
    return queue;
  }

  /** Sends every batch that it can send now. */
  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    this.expire();
    const now = this.env.life.clock.monotonicMs();
    if (this.identity?.isResetting === true && this.nothingInFlight()) this.restartSequences();
    let wakeMs = Number.POSITIVE_INFINITY;
    for (const queue of this.queues.values()) {
      if (queue.waiting.length === 0) continue;
      if (now < queue.notBeforeMs) wakeMs = Math.min(wakeMs, queue.notBeforeMs - now);
      else if (!this.pumpQueue(queue)) wakeMs = Math.min(wakeMs, BACKOFF_MS);
    }
    this.pumping = false;
    if (wakeMs < Number.POSITIVE_INFINITY) this.wakeIn(wakeMs);
  }

  /** False: the caller must try again. */
  private pumpQueue(queue: Queue): boolean {
    const { options, metadata, identity } = this;
    while (queue.waiting.length > 0 && queue.inFlight.length < options.maxInFlight) {
      if (identity !== undefined && !identity.isUsable) return true;
      const leaderId = metadata.partition(queue.topic, queue.partition)?.leaderId ?? -1;
      if (leaderId < 0) {
        metadata.refresh();
        return false;
      }
      // Idempotent: like librdkafka, waits for the batches under way to an earlier leader. A new leader may
      // not know this producer yet, and would take a later batch for its first one.
      if (identity !== undefined && queue.inFlight.length > 0 && queue.inFlightTo !== leaderId) return true;
      if (identity !== undefined && this.mightBeForgotten(queue)) return true;
      const connection = metadata.connectionTo(leaderId);
      if (connection === undefined) return false;
      const batch = queue.waiting.shift()!;
      this.transmit(queue, batch, leaderId);
    }
    return true;
  }

  /**
   * Whether the next batch is so far ahead that a retry of the oldest open one would look like a gap to the
   * broker.
   */
  private mightBeForgotten({ waiting, inFlight, sequenced }: Queue): boolean {
    if (waiting[0]!.identity !== undefined) return false;
    const open = [...waiting, ...inFlight].filter(({ identity }) => identity !== undefined);
    return open.some(({ ordinal }) => sequenced - ordinal >= REMEMBERED_BATCHES);
  }

  private transmit(queue: Queue, batch: Batch, leaderId: number): void {
    const { env, options, metadata, identity } = this;
    const connection = metadata.connectionTo(leaderId)!;
    const { topic, partition } = queue;
    if (identity !== undefined && batch.identity === undefined) {
      batch.identity = identity.next(`${topic}-${partition}`, batch.op.values.length);
      batch.ordinal = queue.sequenced++;
    }
    const records = this.encode(batch);
    const topicId = metadata.topics.get(topic)!.topicId;
    const request = {
      acks: options.acks,
      timeoutMs: options.requestTimeoutMs,
      topicData: [{ name: topic, topicId, partitionData: [{ index: partition, records }] }],
    };
    if (options.acks === 0) {
      connection.send(apis.produce, options.version, request);
      this.end(batch, 'ok', { error: undefined });
      return;
    }
    queue.inFlight.push(batch);
    queue.inFlightTo = leaderId;
    connection.request(apis.produce, options.version, request, (response) => {
      queue.inFlight.splice(queue.inFlight.indexOf(batch), 1);
      const answer = response?.responses[0]?.partitionResponses[0];
      if (answer === undefined) {
        batch.mayHaveHappened = true;
        this.retry(queue, batch, 'disconnected');
      } else {
        countError(env, answer.errorCode);
        const { leaderId: hinted, leaderEpoch } = answer.currentLeader;
        if (hinted >= 0) metadata.hint(topic, partition, hinted, leaderEpoch);
        this.answered(queue, batch, answer.errorCode, answer.baseOffset, leaderId);
      }
      this.pump();
    });
  }

  private answered(queue: Queue, batch: Batch, code: number, baseOffset: number, brokerId: number): void {
    const outcome = produceOutcome(code);
    if (outcome === 'acknowledged') {
      this.lastAckUs = this.env.world.nowUs;
      const known = code === ErrorCode.NONE && baseOffset >= 0 ? baseOffset : undefined;
      this.end(batch, 'ok', { baseOffset: known, ackedBy: brokerId });
      return;
    }
    if (outcome === 'refused') {
      batch.op.error = errorName(code);
      this.giveUp(batch);
      return;
    }
    if (outcome === 'unknown') batch.mayHaveHappened = true;
    this.metadata.refresh();
    const isGap = outcome === 'gap' && this.identity?.isResetting !== true;
    if (isGap && this.isOldest(queue, batch) && !batch.isEnded) {
      // Nothing can fill the gap: both clients continue with another epoch or id.
      this.env.history.sequenceLost(this.env.name, queue.topic, queue.partition, batch.op.values[0]!);
      batch.op.error = errorName(code);
      this.giveUp(batch);
      return;
    }
    this.retry(queue, batch, errorName(code));
  }

  /**
   * Whether no earlier batch of this producer is under way to this partition, so that nothing can be missing
   * before it.
   */
  private isOldest(queue: Queue, batch: Batch): boolean {
    return [...queue.waiting, ...queue.inFlight].every((other) => other.order > batch.order);
  }

  private retry(queue: Queue, batch: Batch, error: string): void {
    const now = this.env.life.clock.monotonicMs();
    if (batch.isEnded) return;
    batch.op.error = error;
    if (now >= batch.deadlineMs) {
      this.giveUp(batch);
      return;
    }
    queue.notBeforeMs = now + BACKOFF_MS;
    const index = queue.waiting.findIndex((other) => other.order > batch.order);
    if (index < 0) queue.waiting.push(batch);
    else queue.waiting.splice(index, 0, batch);
  }

  private expire(): void {
    const now = this.env.life.clock.monotonicMs();
    for (const queue of this.queues.values()) {
      const late = queue.waiting.filter(({ deadlineMs }) => deadlineMs <= now);
      if (late.length === 0) continue;
      queue.waiting = queue.waiting.filter((batch) => !late.includes(batch));
      for (const batch of late) this.giveUp(batch);
    }
  }

  private giveUp(batch: Batch): void {
    this.end(batch, batch.mayHaveHappened ? 'info' : 'fail', {
      error: batch.op.error ?? 'delivery time-out',
    });
    // It is unknown whether the log has this sequence, so the next batches cannot continue from it.
    if (batch.identity !== undefined) this.identity?.reset();
  }

  /**
   * Called when every batch under the old identity is answered. A batch that may have been appended under it
   * is not sent under the new one.
   */
  private restartSequences(): void {
    for (const queue of this.queues.values()) {
      const unknown = queue.waiting.filter((batch) => batch.mayHaveHappened);
      queue.waiting = queue.waiting.filter((batch) => !batch.mayHaveHappened);
      for (const batch of unknown) this.end(batch, 'info', { error: 'given up with an earlier batch' });
      for (const batch of queue.waiting) batch.identity = undefined;
    }
    this.identity!.restart();
  }

  private nothingInFlight(): boolean {
    for (const { inFlight } of this.queues.values()) if (inFlight.length > 0) return false;
    return true;
  }

  private end(batch: Batch, outcome: Outcome, facts: Partial<SendOp>): void {
    if (batch.isEnded) return;
    batch.isEnded = true;
    Object.assign(batch.op, { outcome, endedUs: this.env.world.nowUs, ...facts });
    this.env.history.add(batch.op);
  }

  private encode({ op, order, identity }: Batch): Uint8Array {
    const { env, options } = this;
    // A source of its own for each batch: every attempt is the same, and other draws do not change.
    const draws = env.random.fork(`timestamps of ${order}`);
    const isOdd = draws.below(ODD_TIMESTAMPS_ONE_IN) === 0;
    const baseTimestamp = env.life.clock.wallMs();
    const padding = 'x'.repeat(options.paddingBytes);
    const batch = buildBatch({
      records: op.values.map((value) => ({
        ...(isOdd ? { timestamp: baseTimestamp - draws.below(EARLIER_MS) } : {}),
        value: TEXT.encode(padding === '' ? value : `${value} ${padding}`),
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
    // Like kafkajs and others, whose header has -1 or the time of another record.
    if (isOdd) setMaxTimestamp(batch, 0, draws.below(2) === 0 ? -1 : baseTimestamp - 2 * EARLIER_MS);
    return batch;
  }

  private wakeIn(delayMs: Millis): void {
    this.timer?.cancel();
    this.timer = this.env.life.clock.setTimer(delayMs, () => {
      this.pump();
      if (this.isStopping && !this.isIdle) this.wakeIn(BACKOFF_MS);
    });
  }
}

const TEXT = new TextEncoder();
