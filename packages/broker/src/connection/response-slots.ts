/**
 * The pending requests of one connection, in order of arrival. Answers may be ready in any order; they leave
 * in request order (the Java client requires it). Does no I/O.
 */

import type { FactsWithout, Millis } from '@millrace/base';

/** The facts of the event `connection-closed`, besides the listener, the address and the reason. */
export type ClosingFacts = FactsWithout<
  'listener' | 'remoteAddress' | 'reason',
  'client'
>['warn']['connection-closed'];

/** An outcome in place of an answer: the connection ends. */
export interface Closing {
  readonly kind: 'close';
  readonly reason: string;
  /** The facts and the level of the line in the log. */
  readonly facts: ClosingFacts;
  readonly level: 'info' | 'warn';
}

/** The outcome of a request. */
type Outcome =
  | { readonly kind: 'answer'; readonly chunks: readonly Uint8Array[]; readonly sizeBytes: number }
  /** acks=0: there is no answer. */
  | { readonly kind: 'none' }
  | Closing;

/** A request that is started. */
export interface OpenedRequest {
  readonly apiName: string;
  readonly frameBytes: number;
  /** Approximate bytes of the decoded objects. */
  readonly decodedBytes: number;
  readonly exclusive: boolean;
}

export interface Slot {
  readonly apiName: string;
  /** Bytes of the frame as received. */
  readonly frameBytes: number;
  /** Bytes held for the request now: its frame and the decoded objects. */
  requestBytes: number;
  /** Part of `requestBytes`: the decoded objects. */
  decodedBytes: number;
  /** When the request was started. */
  readonly startedMs: Millis;
  /** If true, the connection starts no other request before this one is answered. */
  readonly exclusive: boolean;
  outcome: Outcome | undefined;
  /** True once the answer is sent, or the connection has dropped the request. */
  isOver: boolean;
  /** Stops the work on the request. Called if the connection is gone. */
  cancel: (() => void) | undefined;
  /** For an exclusive request: called at most once, when the client has sent bytes behind this request. */
  onNextRequest: (() => void) | undefined;
  /**
   * True if the handler called `Reply.onAbandoned`, because the request changes something. The work of the
   * request then continues when the client closes within `ANSWER_AWAITED_MS`, and stops when the broker
   * closes the connection.
   */
  outlivesClient: boolean;
}

/**
 * If a client closes within this time after a request has started, it did not wait for the answer. The broker
 * then still carries the request out, if it changes something. A client that closes later has waited and will
 * retry, so the broker stops the request. If a broker finished such old requests first, it would answer each
 * retry late. Kafka has no such limit; not compared with 4.3.1.
 */
const ANSWER_AWAITED_MS: Millis = 500;

export class ResponseSlots {
  private slots: Slot[] = [];
  /** Index of the oldest slot that is still pending. */
  private head = 0;
  /** Number of pending requests: their answers are not ready, or wait for an earlier answer. */
  get size(): number {
    return this.slots.length - this.head;
  }

  open(opened: OpenedRequest, startedMs: Millis): Slot {
    const { apiName, frameBytes, decodedBytes, exclusive } = opened;
    const slot: Slot = {
      apiName,
      frameBytes,
      startedMs,
      requestBytes: frameBytes + decodedBytes,
      decodedBytes,
      exclusive,
      outcome: undefined,
      isOver: false,
      cancel: undefined,
      onNextRequest: undefined,
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

  /**
   * Calls the newest request's `onNextRequest`, because the connection has received bytes behind this
   * request.
   */
  nextRequestArrived(): void {
    const newest = this.slots.at(-1);
    const onNextRequest = newest?.onNextRequest;
    if (newest === undefined || onNextRequest === undefined) return;
    newest.onNextRequest = undefined;
    onNextRequest();
  }

  /** Called when the client has closed. Cancels every request, except recent ones that change something. */
  cancelUnread(now: Millis): void {
    for (let i = this.head; i < this.slots.length; i++) {
      const slot = this.slots[i]!;
      if (slot.outlivesClient && now - slot.startedMs <= ANSWER_AWAITED_MS) continue;
      const { cancel } = slot;
      slot.cancel = undefined;
      cancel?.();
    }
  }

  /** Removes and returns all slots. */
  drain(): Slot[] {
    const rest = this.slots.slice(this.head);
    this.slots = [];
    this.head = 0;
    return rest;
  }
}
