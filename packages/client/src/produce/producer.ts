/**
 * A producer like librdkafka and the Java client: a queue of batches for each partition, several requests in
 * flight, retries in order, idempotence with sequences (KIP-98). Every batch gets one outcome: acknowledged,
 * failed (certainly not appended) or unknown.
 */
import type { Clock, Millis, NodeId, Timer, Uuid } from '@millrace/base';
import { apis, ErrorCode, errorName, type ProduceResponse } from '@millrace/protocol';
import type { ClusterView } from '../cluster/cluster-view.ts';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import { type OpenBatch, PartitionQueue } from './partition-queue.ts';
import { produceOutcome } from './produce-errors.ts';
import { type BatchIdentity, ProducerIdentity, type ProducerIdentityOptions } from './producer-identity.ts';

/** A batch that the owner enqueues. */
export interface ProducerBatch {
  readonly topic: string;
  readonly partition: number;
  readonly recordCount: number;
}

/** The producer calls these functions in its methods and when answers arrive. They may enqueue batches. */
export interface ProducerObserver<Batch> {
  /** Called at each attempt to send a batch. `topicId`: the id of the topic that has the name now. */
  sent?(batch: Batch, topicId: Uuid): void;
  /** Called when an attempt failed and the batch waits for another. */
  retried?(batch: Batch, error: string): void;
  /**
   * Called when the leader has appended the batch. `baseOffset`: undefined if the answer does not have it.
   * With acks=0, called when the producer has sent the batch; then `baseOffset` and `brokerId` are undefined.
   */
  acknowledged(batch: Batch, baseOffset: number | undefined, brokerId: NodeId | undefined): void;
  /** Called when the producer gives up a batch that no log has. `error`: Kafka's error name, or a text. */
  failed(batch: Batch, error: string): void;
  /** Called when the producer gives up a batch that a log may have. */
  unknown(batch: Batch, error: string): void;
  /**
   * Called when the leader lacks an earlier batch, although every earlier batch of the partition has ended.
   * `failed` or `unknown` follows.
   */
  sequenceLost?(batch: Batch): void;
  /** Called with the error code of each answer, also with 0. */
  answered?(code: number): void;
}

export interface ProducerOptions<Batch> {
  readonly clock: Clock;
  /** The owner passes each `changed` of this view to `clusterChanged`. */
  readonly cluster: Pick<
    ClusterView,
    'partition' | 'topics' | 'connectionTo' | 'anyConnection' | 'refresh' | 'hint'
  >;
  readonly observer: ProducerObserver<Batch>;
  /** Returns the bytes of a batch for one attempt. `identity`: undefined without idempotence. */
  readonly encode: (batch: Batch, identity: BatchIdentity | undefined) => Uint8Array;
  readonly acks: 0 | 1 | -1;
  /** Undefined: the producer is not idempotent. */
  readonly idempotence?: Pick<ProducerIdentityOptions, 'bumpsEpoch' | 'version' | 'answered'>;
  /** The most requests in flight for each partition; an idempotent producer may have at most 5 (KIP-98). */
  readonly maxInFlight: number;
  /** How long the leader may wait until the followers have the batch. */
  readonly timeoutMs: Millis;
  /**
   * The producer gives up a batch when no attempt has succeeded within this time. If an attempt is in flight
   * then, the producer first waits for the end of that attempt.
   */
  readonly deliveryTimeoutMs: Millis;
  /** The version of Produce. Default: the newest that both sides have. */
  readonly version?: number;
  /** The pause between two attempts. Default 100. */
  readonly backoffMs?: Millis;
  /** See `Producer.pollsItself`. Default true. */
  readonly pollsItself?: boolean;
}

const BACKOFF_MS = 100;
const CLOSED = 'the producer is closed';

export class Producer<Batch extends ProducerBatch> {
  /**
   * True: after a `poll`, the producer polls every `backoffMs` while batches are open. False: the owner must
   * poll, so that batches time out.
   */
  pollsItself: boolean;
  private readonly options: ProducerOptions<Batch>;
  private readonly backoffMs: Millis;
  private readonly identity: ProducerIdentity | undefined;
  private readonly queues = new Map<string, PartitionQueue<Batch>>();
  private batches = 0;
  private timer: Timer | undefined;
  private isPumping = false;
  private isClosed = false;

  constructor(options: ProducerOptions<Batch>) {
    const { clock, cluster, idempotence } = options;
    this.options = options;
    this.pollsItself = options.pollsItself ?? true;
    this.backoffMs = options.backoffMs ?? BACKOFF_MS;
    if (idempotence !== undefined)
      this.identity = new ProducerIdentity({ clock, cluster, ...idempotence, changed: () => this.pump() });
  }

  /** Whether every batch has ended. */
  get isIdle(): boolean {
    for (const queue of this.queues.values()) if (!queue.isEmpty) return false;
    return true;
  }

  /** The number of batches that wait for their first or next attempt. */
  waitingCount(topic: string, partition: number): number {
    return this.queues.get(`${topic}-${partition}`)?.waiting.length ?? 0;
  }

  /**
   * Adds a batch to the queue of its partition. Does not send it yet: the producer sends when the owner
   * polls, when an answer arrives, or when metadata change. After `close`, the batch fails at once.
   */
  enqueue(batch: Batch): void {
    if (this.isClosed) {
      this.options.observer.failed(batch, CLOSED);
      return;
    }
    this.queueOf(batch).waiting.push({
      batch,
      order: this.batches++,
      deadlineMs: this.options.clock.monotonicMs() + this.options.deliveryTimeoutMs,
      identity: undefined,
      ordinal: -1,
      mayHaveHappened: false,
      error: undefined,
    });
  }

  /** Sends the batches that can leave now, and gives up those whose delivery timeout is over. */
  poll(): void {
    this.pump();
    if (this.pollsItself && !this.isIdle) this.wakeIn(this.backoffMs);
  }

  /** Call it when metadata arrived, or when a connection is ready or closed. */
  clusterChanged(): void {
    this.pump();
  }

  /** Gives up every batch that is not acknowledged yet, and sends nothing more. Does not flush. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.timer?.cancel();
    for (const queue of this.queues.values()) for (const open of queue.takeAll()) this.giveUp(open, CLOSED);
  }

  private queueOf({ topic, partition }: Batch): PartitionQueue<Batch> {
    const name = `${topic}-${partition}`;
    let queue = this.queues.get(name);
    if (queue === undefined) {
      queue = new PartitionQueue(topic, partition);
      this.queues.set(name, queue);
    }
    return queue;
  }

  /** Sends every batch that it can send now. */
  private pump(): void {
    if (this.isPumping || this.isClosed) return;
    this.isPumping = true;
    const now = this.options.clock.monotonicMs();
    this.expire(now);
    if (this.identity?.isResetting === true && this.nothingInFlight()) this.restart(this.identity);
    let wakeMs = Number.POSITIVE_INFINITY;
    for (const queue of this.queues.values()) {
      if (queue.waiting.length === 0) continue;
      if (now < queue.notBeforeMs) wakeMs = Math.min(wakeMs, queue.notBeforeMs - now);
      else if (!this.pumpQueue(queue)) wakeMs = Math.min(wakeMs, this.backoffMs);
    }
    this.isPumping = false;
    if (wakeMs < Number.POSITIVE_INFINITY) this.wakeIn(wakeMs);
  }

  /** Sends batches of this queue. Returns false if the caller must try again after a pause. */
  private pumpQueue(queue: PartitionQueue<Batch>): boolean {
    const { options, identity } = this;
    const { cluster, maxInFlight } = options;
    while (queue.waiting.length > 0 && queue.inFlight.length < maxInFlight) {
      if (identity !== undefined && !identity.isUsable) return true;
      const leaderId = cluster.partition(queue.topic, queue.partition)?.leaderId ?? -1;
      if (leaderId < 0) {
        cluster.refresh();
        return false;
      }
      if (identity !== undefined && this.mustWait(queue, leaderId)) return true;
      const connection = cluster.connectionTo(leaderId);
      if (connection === undefined) return false;
      this.transmit(queue, queue.waiting.shift()!, leaderId, connection);
    }
    return true;
  }

  /**
   * An idempotent producer waits, like librdkafka, for the batches in flight to an earlier leader. A new
   * leader may not know the producer yet, and would accept a later batch as the producer's first one. For the
   * same reason, the producer waits for batches in flight to a deleted topic whose name another topic has
   * now.
   */
  private mustWait(queue: PartitionQueue<Batch>, leaderId: NodeId): boolean {
    const { inFlight, inFlightTo, topic } = queue;
    const isSame =
      inFlightTo?.leaderId === leaderId &&
      inFlightTo.topicId === this.options.cluster.topics.get(topic)?.topicId;
    return (inFlight.length > 0 && !isSame) || queue.mightBeForgotten;
  }

  private transmit(
    queue: PartitionQueue<Batch>,
    open: OpenBatch<Batch>,
    leaderId: NodeId,
    connection: BrokerConnection,
  ): void {
    const { identity } = this;
    const { cluster, observer, acks, timeoutMs, encode } = this.options;
    const { topic, partition } = queue;
    const version = this.options.version ?? connection.versions?.newest(apis.produce);
    if (version === undefined) {
      this.giveUp(open, errorName(ErrorCode.UNSUPPORTED_VERSION));
      return;
    }
    if (identity !== undefined && open.identity === undefined)
      queue.identify(open, identity.next(queue.name, open.batch.recordCount));
    const records = encode(open.batch, open.identity);
    const { topicId } = cluster.topics.get(topic)!;
    const topicData = [{ name: topic, topicId, partitionData: [{ index: partition, records }] }];
    const request = { acks, timeoutMs, topicData };
    observer.sent?.(open.batch, topicId);
    if (acks === 0) {
      connection.send(apis.produce, version, request);
      observer.acknowledged(open.batch, undefined, undefined);
      return;
    }
    queue.inFlight.push(open);
    queue.inFlightTo = { leaderId, topicId };
    connection.request(apis.produce, version, request, (response) =>
      this.landed(queue, open, leaderId, response),
    );
  }

  /**
   * Handles the end of a request. After a lost answer (undefined), it is unknown whether the leader has
   * appended the batch.
   */
  private landed(
    queue: PartitionQueue<Batch>,
    open: OpenBatch<Batch>,
    brokerId: NodeId,
    response: ProduceResponse | undefined,
  ): void {
    if (this.isClosed) return;
    queue.landed(open);
    const topic = response?.responses[0];
    const answer = topic?.partitionResponses[0];
    if (topic === undefined || answer === undefined) {
      open.mayHaveHappened = true;
      this.retry(queue, open, 'disconnected');
    } else {
      const { errorCode, baseOffset, currentLeader } = answer;
      this.options.observer.answered?.(errorCode);
      const { leaderId, leaderEpoch } = currentLeader;
      if (leaderId >= 0)
        this.options.cluster.hint(topic.topicId as Uuid, queue.partition, leaderId, leaderEpoch);
      this.judge(queue, open, errorCode, baseOffset, brokerId);
    }
    this.pump();
  }

  private judge(
    queue: PartitionQueue<Batch>,
    open: OpenBatch<Batch>,
    code: number,
    baseOffset: number,
    brokerId: NodeId,
  ): void {
    const { observer, cluster } = this.options;
    const outcome = produceOutcome(code);
    if (outcome === 'acknowledged') {
      const isKnown = code === ErrorCode.NONE && baseOffset >= 0;
      observer.acknowledged(open.batch, isKnown ? baseOffset : undefined, brokerId);
      return;
    }
    if (outcome === 'refused') {
      this.giveUp(open, errorName(code));
      return;
    }
    if (outcome === 'unknown') open.mayHaveHappened = true;
    cluster.refresh();
    if (outcome === 'gap' && this.identity?.isResetting !== true && queue.isOldest(open)) {
      // Nothing can fill the gap. Like librdkafka and the Java client, continue with another epoch or id.
      observer.sequenceLost?.(open.batch);
      this.giveUp(open, errorName(code));
    } else this.retry(queue, open, errorName(code));
  }

  private retry(queue: PartitionQueue<Batch>, open: OpenBatch<Batch>, error: string): void {
    const now = this.options.clock.monotonicMs();
    open.error = error;
    if (now >= open.deadlineMs) {
      this.giveUp(open, error);
      return;
    }
    queue.notBeforeMs = now + this.backoffMs;
    queue.putBack(open);
    this.options.observer.retried?.(open.batch, error);
  }

  private expire(now: Millis): void {
    for (const queue of this.queues.values())
      for (const open of queue.takeLate(now)) this.giveUp(open, open.error ?? 'delivery time-out');
  }

  private giveUp({ batch, identity, mayHaveHappened }: OpenBatch<Batch>, error: string): void {
    // The log may lack this sequence, so the next batches cannot continue from it.
    if (identity !== undefined) this.identity?.reset();
    if (mayHaveHappened) this.options.observer.unknown(batch, error);
    else this.options.observer.failed(batch, error);
  }

  /** Called when no batch is in flight. Gives up the waiting batches that the log may have. */
  private restart(identity: ProducerIdentity): void {
    for (const queue of this.queues.values())
      for (const { batch } of queue.restart())
        this.options.observer.unknown(batch, 'given up with an earlier batch');
    identity.restart();
  }

  private nothingInFlight(): boolean {
    for (const { inFlight } of this.queues.values()) if (inFlight.length > 0) return false;
    return true;
  }

  private wakeIn(delayMs: Millis): void {
    if (this.isClosed) return;
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(delayMs, () => this.poll());
  }
}
