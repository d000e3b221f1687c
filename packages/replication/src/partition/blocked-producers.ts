/**
 * Idempotent producers whose first batch for a partition failed with a retriable error (no leader yet, ISR
 * too small, disk full). Until such a producer retries that batch, its later batches must fail too. The log
 * does not know the producer yet, so it would accept any sequence (KIP-360). If it appended a later batch
 * first, it could never append the first one. A first batch need not have sequence 0. For example, if the
 * topic is deleted and created again, a producer that sends only the topic's name continues its sequences in
 * the new topic.
 */
import type { Millis } from '@millrace/base';
import type { PartitionLog } from '@millrace/log';
import { BATCH_HEADER_BYTES, BatchHeader, DecodeError, readBatchHeader } from '@millrace/protocol';

/** The most producers that one partition remembers. Above this limit, it forgets the oldest one. */
const PRODUCERS_MAX = 1000;
/**
 * The most producers that the partitions which are not open here remember together. Above this limit, the
 * oldest partition forgets its producers. While a topic with thousands of partitions is created, each of them
 * may remember a producer. An entry takes about half a kilobyte.
 */
const PRODUCERS_BEFORE_OPEN_MAX = 50_000;
/**
 * With default settings, no client retries a batch after this time (delivery.timeout.ms, message.timeout.ms).
 */
const REMEMBERED_MS: Millis = 5 * 60_000;

/** The failed first batch of a producer. */
interface FailedBatch {
  readonly epoch: number;
  readonly sequence: number;
  readonly atMs: Millis;
}

export class BlockedProducers {
  /** The failed batches, by producer id. */
  private readonly failed = new Map<number, FailedBatch>();
  private readonly header = new BatchHeader();

  /** True if no producer is remembered. Then `mustWait` need not be called. */
  get isEmpty(): boolean {
    return this.failed.size === 0;
  }

  get count(): number {
    return this.failed.size;
  }

  /** Copies the other set's producers into this one. */
  addAll(others: BlockedProducers): void {
    for (const [producerId, batch] of others.failed) this.failed.set(producerId, batch);
  }

  /**
   * Called when a batch failed with a retriable error. Remembers the batch's producer if the producer is
   * idempotent. If an earlier batch of the same epoch failed, the producer must retry that one first.
   */
  batchFailed(records: Uint8Array | null, nowMs: Millis): void {
    const header = this.read(records);
    if (header === undefined || header.baseSequence < 0) return;
    const { producerId, producerEpoch: epoch, baseSequence } = header;
    const earlier = this.failed.get(producerId);
    const isSame = earlier?.epoch === epoch && nowMs - earlier.atMs <= REMEMBERED_MS;
    const sequence = isSame && baseSequence !== 0 ? earlier.sequence : baseSequence;
    this.failed.delete(producerId);
    this.failed.set(producerId, { epoch, sequence, atMs: nowMs });
    if (this.failed.size <= PRODUCERS_MAX) return;
    const [oldest] = this.failed.keys();
    this.failed.delete(oldest!);
  }

  /**
   * Whether this batch must fail because its producer has not yet retried its failed first batch. Never true
   * once the log knows the producer.
   */
  mustWait(records: Uint8Array | null, log: PartitionLog, nowMs: Millis): boolean {
    const header = this.read(records);
    if (header === undefined) return false;
    const { producerId, producerEpoch, baseSequence } = header;
    const batch = this.failed.get(producerId);
    if (batch === undefined) return false;
    if (log.producers.get(producerId) !== undefined || nowMs - batch.atMs > REMEMBERED_MS) {
      this.failed.delete(producerId);
      return false;
    }
    return batch.epoch === producerEpoch && baseSequence !== batch.sequence;
  }

  /** Forgets the batch's producer, because the log appended the batch. */
  appended(records: Uint8Array | null): void {
    const header = this.read(records);
    if (header !== undefined) this.failed.delete(header.producerId);
  }

  /**
   * Returns the batch's header. Undefined: the producer is not idempotent, or the bytes are not a batch; the
   * log reports invalid batches.
   */
  private read(records: Uint8Array | null): BatchHeader | undefined {
    if (records === null || records.length < BATCH_HEADER_BYTES) return undefined;
    try {
      readBatchHeader(records, 0, this.header);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return undefined;
    }
    return this.header.producerId >= 0 ? this.header : undefined;
  }
}

/**
 * The blocked producers of replicas that are not open here, for example because the metadata does not name
 * them yet, or because their log cannot be opened.
 */
export class BlockedBeforeOpen {
  private readonly byPartition = new Map<string, BlockedProducers>();
  private count = 0;

  /** `topic`: the topic's id, or its name if the id is unknown. */
  batchFailed(topic: string, index: number, records: Uint8Array | null, nowMs: Millis): void {
    const key = `${topic}-${index}`;
    const producers = this.drop(key) ?? new BlockedProducers();
    producers.batchFailed(records, nowMs);
    if (producers.isEmpty) return;
    this.byPartition.set(key, producers);
    this.count += producers.count;
    while (this.count > PRODUCERS_BEFORE_OPEN_MAX) {
      const [oldest] = this.byPartition.keys();
      this.drop(oldest!);
    }
  }

  private drop(key: string): BlockedProducers | undefined {
    const producers = this.byPartition.get(key);
    this.byPartition.delete(key);
    this.count -= producers?.count ?? 0;
    return producers;
  }

  /** Returns and drops the blocked producers of a replica that opens now. */
  take({ topicId, topic, index }: { topicId: string; topic: string; index: number }): BlockedProducers {
    const all = new BlockedProducers();
    for (const key of [`${topicId}-${index}`, `${topic}-${index}`]) {
      const producers = this.drop(key);
      if (producers !== undefined) all.addAll(producers);
    }
    return all;
  }
}
