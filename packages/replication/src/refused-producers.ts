/**
 * Idempotent producers whose first batch for a partition was refused for reasons that pass (no leader yet, ISR too small, disk
 * full). Batches that they had sent behind it must be refused too: a log that knows nothing of a producer takes any
 * sequence (KIP-360), and were a later batch appended first, the first one never could be.
 */
import type { PartitionLog } from '@millrace/log';
import { BATCH_HEADER_BYTES, BatchHeader, DecodeError, readBatchHeader } from '@millrace/protocol';

/** More are not remembered; the oldest is forgotten first. */
const PRODUCERS_MAX = 1000;
const PARTITIONS_MAX = 250;

export class RefusedProducers {
  /** Producer id → epoch. */
  private readonly waiting = new Map<number, number>();
  private readonly header = new BatchHeader();

  /** Whether nobody is remembered: then there is nothing to ask. */
  get isEmpty(): boolean {
    return this.waiting.size === 0;
  }

  /** Remembers whom the other one does. */
  addAll(others: RefusedProducers): void {
    for (const [producerId, epoch] of others.waiting) this.waiting.set(producerId, epoch);
  }

  /** A batch was refused. */
  refused(records: Uint8Array | null): void {
    const header = this.read(records);
    if (header === undefined || header.baseSequence !== 0) return;
    this.waiting.delete(header.producerId);
    this.waiting.set(header.producerId, header.producerEpoch);
    if (this.waiting.size <= PRODUCERS_MAX) return;
    const [oldest] = this.waiting.keys();
    this.waiting.delete(oldest!);
  }

  /** Whether the first batch of its producer, of which the log knows nothing yet, has to come before this one. */
  mustWait(records: Uint8Array | null, log: PartitionLog): boolean {
    const header = this.read(records);
    if (header === undefined || log.producers.get(header.producerId) !== undefined) return false;
    const epoch = this.waiting.get(header.producerId);
    return epoch === header.producerEpoch && header.baseSequence > 0;
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

/** The same for replicas that are not here yet: the metadata do not name them yet, or their log cannot be opened. */
export class RefusedBeforehand {
  private readonly byPartition = new Map<string, RefusedProducers>();

  /** `topic`: its name or its id, whichever the client knew. */
  refused(topic: string, index: number, records: Uint8Array | null): void {
    const key = `${topic}-${index}`;
    const producers = this.byPartition.get(key) ?? new RefusedProducers();
    producers.refused(records);
    if (producers.isEmpty) return;
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
