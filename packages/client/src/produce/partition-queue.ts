/** A producer's open batches (those without an outcome) for one partition, in the order of `enqueue`. */
import type { Millis, NodeId, Uuid } from '@millrace/base';
import type { BatchIdentity } from './producer-identity.ts';

export interface OpenBatch<Batch> {
  readonly batch: Batch;
  /** The batch's number among all batches of the producer. */
  readonly order: number;
  readonly deadlineMs: Millis;
  /** The producer id, epoch and sequence; every attempt has the same. Undefined: the batch has none yet. */
  identity: BatchIdentity | undefined;
  /** The batch's number among the batches of this queue that have sequences. */
  ordinal: number;
  /** True if an attempt may have appended the batch to the log. */
  mayHaveHappened: boolean;
  /** Why the last attempt failed. */
  error: string | undefined;
}

/**
 * The number of last batches whose sequences a broker remembers, for each producer and partition (KIP-98).
 * The broker treats a retry of an older batch as a gap.
 */
const REMEMBERED_BATCHES = 5;

export class PartitionQueue<Batch> {
  readonly topic: string;
  readonly partition: number;
  /** `topic-partition`. */
  readonly name: string;
  /** The producer sends no batch of this queue before this time. */
  notBeforeMs: Millis = 0;
  /** The broker to which the newest request went, and the topic in that request. */
  inFlightTo: { readonly leaderId: NodeId; readonly topicId: Uuid } | undefined;
  waiting: OpenBatch<Batch>[] = [];
  readonly inFlight: OpenBatch<Batch>[] = [];
  private sequenced = 0;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
    this.name = `${topic}-${partition}`;
  }

  get isEmpty(): boolean {
    return this.waiting.length + this.inFlight.length === 0;
  }

  /** Gives a batch its sequences. */
  identify(open: OpenBatch<Batch>, identity: BatchIdentity): void {
    open.identity = identity;
    open.ordinal = this.sequenced++;
  }

  /** Call it when the request of the batch has ended. */
  landed(open: OpenBatch<Batch>): void {
    this.inFlight.splice(this.inFlight.indexOf(open), 1);
  }

  /** Puts a batch back in its place among the waiting batches. */
  putBack(open: OpenBatch<Batch>): void {
    const index = this.waiting.findIndex(({ order }) => order > open.order);
    if (index < 0) this.waiting.push(open);
    else this.waiting.splice(index, 0, open);
  }

  /** Whether no earlier batch of the partition is open. Then nothing can fill a gap before this batch. */
  isOldest({ order }: OpenBatch<Batch>): boolean {
    for (const other of this.waiting) if (other.order <= order) return false;
    for (const other of this.inFlight) if (other.order <= order) return false;
    return true;
  }

  /**
   * True if the first waiting batch must wait for an older open batch. If the broker appended the first
   * waiting batch, it would forget the older one, and treat a retry of the older one as a gap.
   */
  get mightBeForgotten(): boolean {
    if (this.waiting[0]!.identity !== undefined) return false;
    return this.waiting.some(this.isLongAgo, this) || this.inFlight.some(this.isLongAgo, this);
  }

  /** Removes and returns the waiting batches whose delivery timeout is over. */
  takeLate(nowMs: Millis): readonly OpenBatch<Batch>[] {
    if (!this.waiting.some(({ deadlineMs }) => deadlineMs <= nowMs)) return [];
    const late = this.waiting.filter(({ deadlineMs }) => deadlineMs <= nowMs);
    this.waiting = this.waiting.filter(({ deadlineMs }) => deadlineMs > nowMs);
    return late;
  }

  /** Removes and returns every batch. The leader may have appended the batches in flight. */
  takeAll(): readonly OpenBatch<Batch>[] {
    for (const open of this.inFlight) open.mayHaveHappened = true;
    const all = [...this.inFlight.splice(0), ...this.waiting];
    this.waiting = [];
    return all;
  }

  /**
   * Forgets the identities of the waiting batches. Removes and returns the batches that the log may have,
   * because with another identity a retry could append such a batch twice.
   */
  restart(): readonly OpenBatch<Batch>[] {
    const unknown = this.waiting.filter(({ mayHaveHappened }) => mayHaveHappened);
    this.waiting = this.waiting.filter(({ mayHaveHappened }) => !mayHaveHappened);
    for (const open of this.waiting) open.identity = undefined;
    return unknown;
  }

  private isLongAgo({ identity, ordinal }: OpenBatch<Batch>): boolean {
    return identity !== undefined && this.sequenced - ordinal >= REMEMBERED_BATCHES;
  }
}
