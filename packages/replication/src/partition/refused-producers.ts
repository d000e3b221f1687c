/**
 * Idempotent producers whose first batch for a partition was refused for reasons that pass (no leader yet,
 * ISR too small, disk full). Batches that they had sent behind it must be refused too: a log that knows
 * nothing of a producer takes any sequence (KIP-360), and were a later batch appended first, the first one
 * never could be.
 */
import type { Millis } from '@millrace/base';
import type { PartitionLog } from '@millrace/log';
import { BATCH_HEADER_BYTES, BatchHeader, DecodeError, readBatchHeader } from '@millrace/protocol';

/** More are not remembered; the oldest is forgotten first. */
const PRODUCERS_MAX = 1000;
const PARTITIONS_MAX = 250;
/** Nobody sends a batch again after so long (delivery.timeout.ms, message.timeout.ms). */
const REMEMBERED_MS: Millis = 5 * 60_000;

interface Refusal {
  readonly epoch: number;
  readonly atMs: Millis;
}

export class RefusedProducers {
  /** By producer id. */
  private readonly waiting = new Map<number, Refusal>();
  private readonly header = new BatchHeader();

  /** Whether nobody is remembered: then there is nothing to ask. */
  get isEmpty(): boolean {
    return this.waiting.size === 0;
  }

  /** Remembers whom the other one does. */
  addAll(others: RefusedProducers): void {
    for (const [producerId, refusal] of others.waiting) this.waiting.set(producerId, refusal);
  }

  /** A batch was refused. */
  refused(records: Uint8Array | null, nowMs: Millis): void {
    const header = this.read(records);
    if (header === undefined || header.baseSequence !== 0) return;
    this.waiting.delete(header.producerId);
    this.waiting.set(header.producerId, { epoch: header.producerEpoch, atMs: nowMs });
    if (this.waiting.size <= PRODUCERS_MAX) return;
    const [oldest] = this.waiting.keys();
    this.waiting.delete(oldest!);
  }

  /**
   * Whether the first batch of its producer, of which the log knows nothing yet, has to come before this one.
   */
  mustWait(records: Uint8Array | null, log: PartitionLog, nowMs: Millis): boolean {
    const header = this.read(records);
    if (header === undefined) return false;
    const { producerId, producerEpoch, baseSequence } = header;
    const refusal = this.waiting.get(producerId);
    if (refusal === undefined) return false;
    if (log.producers.get(producerId) !== undefined || nowMs - refusal.atMs > REMEMBERED_MS) {
      this.waiting.delete(producerId);
      return false;
    }
    return refusal.epoch === producerEpoch && baseSequence > 0;
  }

  /** A batch was appended. */
  appended(records: Uint8Array | null): void {
    const header = this.read(records);
    if (header !== undefined) this.waiting.delete(header.producerId);
  }

  /** Undefined: not of an idempotent producer, or no batch at all; others say so. */
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
 * The same for replicas that are not here yet: the metadata do not name them yet, or their log cannot be
 * opened.
 */
export class RefusedBeforehand {
  private readonly byPartition = new Map<string, RefusedProducers>();

  /** `topic`: its name or its id, whichever the client knew. */
  refused(topic: string, index: number, records: Uint8Array | null, nowMs: Millis): void {
    const key = `${topic}-${index}`;
    const producers = this.byPartition.get(key) ?? new RefusedProducers();
    producers.refused(records, nowMs);
    if (producers.isEmpty) return;
    this.byPartition.delete(key);
    this.byPartition.set(key, producers);
    if (this.byPartition.size <= PARTITIONS_MAX) return;
    const [oldest] = this.byPartition.keys();
    this.byPartition.delete(oldest!);
  }

  /** For a replica that is opened now. */
  take({ topicId, topic, index }: { topicId: string; topic: string; index: number }): RefusedProducers {
    const all = new RefusedProducers();
    for (const key of [`${topicId}-${index}`, `${topic}-${index}`]) {
      const producers = this.byPartition.get(key);
      if (producers !== undefined) all.addAll(producers);
      this.byPartition.delete(key);
    }
    return all;
  }
}
