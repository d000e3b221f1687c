/** A producer's batches for one partition that have not ended, in the order in which the owner gave them. */
import type { Millis, NodeId, Uuid } from '@millrace/base';
import type { BatchIdentity } from './producer-identity.ts';

export interface OpenBatch<Batch> {
  readonly batch: Batch;
  /** The batch's number among all batches of the producer. */
  readonly order: number;
  readonly deadlineMs: Millis;
  /** The producer id, epoch and sequence of the first attempt; undefined: not sent under an identity yet. */
  identity: BatchIdentity | undefined;
  /** The batch's number among the batches of this queue that have sequences. */
  ordinal: number;
  /** True if the log may have the batch, from any attempt. */
  mayHaveHappened: boolean;
  /** Why the last attempt failed. */
  error: string | undefined;
}

/**
 * A broker remembers the sequences of this many batches. The broker takes a retry of an earlier batch for a
 * gap (KIP-98).
 */
const REMEMBERED_BATCHES = 5;

export class PartitionQueue<Batch> {
  readonly topic: string;
  readonly partition: number;
  /** `topic-partition`. */
  readonly name: string;
  /** No batch leaves before this time. */
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

  /** The request of the batch has ended. */
  landed(open: OpenBatch<Batch>): void {
    this.inFlight.splice(this.inFlight.indexOf(open), 1);
  }

  /** Puts a batch back to its place among those that wait. */
  putBack(open: OpenBatch<Batch>): void {
    const index = this.waiting.findIndex(({ order }) => order > open.order);
    if (index < 0) this.waiting.push(open);
    else this.waiting.splice(index, 0, open);
  }

  /** Whether every other open batch of the partition comes later. Then no earlier batch can fill a gap. */
  isOldest({ order }: OpenBatch<Batch>): boolean {
    for (const other of this.waiting) if (other.order <= order) return false;
    for (const other of this.inFlight) if (other.order <= order) return false;
    return true;
  }

  /**
   * Whether the first waiting batch is so far ahead that a retry of the oldest open one would look like a gap
   * to the broker.
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

  /** Removes and returns every batch. The leader may have appended those in flight. */
  takeAll(): readonly OpenBatch<Batch>[] {
    for (const open of this.inFlight) open.mayHaveHappened = true;
    const all = [...this.inFlight.splice(0), ...this.waiting];
    this.waiting = [];
    return all;
  }

  /**
   * Forgets the identities of the waiting batches. Removes and returns those that may have been appended:
   * under another identity they could be appended twice.
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
