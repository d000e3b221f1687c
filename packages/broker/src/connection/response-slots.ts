/**
 * The requests of one connection that await their answers, in the order they came. Answers may be ready in
 * any order; they leave in request order (the Java client insists on it). Holds no I/O.
 */

import type { Millis } from '@millrace/base';

/** The connection ends where the answer would stand. */
export interface Closing {
  readonly kind: 'close';
  readonly reason: string;
  /** For the log. */
  readonly facts: Record<string, unknown>;
  readonly level: 'info' | 'warn';
}

/** What became of a request. */
type Outcome =
  | { readonly kind: 'answer'; readonly chunks: readonly Uint8Array[]; readonly sizeBytes: number }
  /** acks=0: there is no answer. */
  | { readonly kind: 'none' }
  | Closing;

export interface Slot {
  /** Held for the request until it is answered: its frame, and what that became. */
  requestBytes: number;
  /** Of these: what the decoded request takes. */
  decodedBytes: number;
  /** When the request was started. */
  readonly startedMs: Millis;
  /** Nothing of this connection is started while this request is being answered. */
  readonly exclusive: boolean;
  outcome: Outcome | undefined;
  /** It has left. */
  isOver: boolean;
  /** Stops the work when the connection is gone. */
  cancel: (() => void) | undefined;
  /** Called once, when the client sends more behind this request. */
  onFollowed: (() => void) | undefined;
  /** The client asked for more than an answer: its end stops nothing, only ours of the connection does. */
  outlivesClient: boolean;
}

/**
 * A client that closes sooner after its request never waited for the answer: the broker carries the request
 * out. A client that closes later waited and retries: a broker that finishes old requests first answers each
 * retry late. Kafka has no such limit; not compared with 4.3.1.
 */
const ANSWER_AWAITED_MS: Millis = 500;

export class ResponseSlots {
  private slots: Slot[] = [];
  /** Index of the oldest slot that has not left; the ones before it are gone. */
  private head = 0;
  /** Requests not yet answered and handed over. */
  get size(): number {
    return this.slots.length - this.head;
  }

  open(requestBytes: number, decodedBytes: number, exclusive: boolean, startedMs: Millis): Slot {
    const slot: Slot = {
      startedMs,
      requestBytes,
      decodedBytes,
      exclusive,
      outcome: undefined,
      isOver: false,
      cancel: undefined,
      onFollowed: undefined,
      outlivesClient: false,
    };
    this.slots.push(slot);
    return slot;
  }

  /** Takes the oldest slot if its outcome is known. */
  shiftReady(): Slot | undefined {
    const slot = this.slots[this.head];
    if (slot?.outcome === undefined) return undefined;
    this.head++;
    if (this.head === this.slots.length) {
      this.slots.length = 0;
      this.head = 0;
    } else if (this.head >= 64) {
      this.slots.splice(0, this.head);
      this.head = 0;
    }
    return slot;
  }

  /** Bytes wait behind the newest request. */
  followed(): void {
    const newest = this.slots.at(-1);
    const onFollowed = newest?.onFollowed;
    if (newest === undefined || onFollowed === undefined) return;
    newest.onFollowed = undefined;
    onFollowed();
  }

  /** The client is gone: stops what was only done for an answer. */
  cancelUnread(now: Millis): void {
    for (let i = this.head; i < this.slots.length; i++) {
      const slot = this.slots[i]!;
      if (slot.outlivesClient && now - slot.startedMs <= ANSWER_AWAITED_MS) continue;
      const { cancel } = slot;
      slot.cancel = undefined;
      cancel?.();
    }
  }

  /** Removes and returns all: the connection is gone. */
  drain(): Slot[] {
    const rest = this.slots.slice(this.head);
    this.slots = [];
    this.head = 0;
    return rest;
  }
}
