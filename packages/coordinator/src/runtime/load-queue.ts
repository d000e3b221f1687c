/**
 * The requests that wait while a shard loads. Without this queue the shard refuses them, and each member of
 * each group repeats its request every 100 ms (Kafka's `retry.backoff.ms`). These requests take CPU time from
 * the load, and a member learns only at its next attempt that the load has ended.
 */
import { type Deadline, type DueCallback, type Millis, NEXT_TURN_MS, type Timers } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { OwnTurns } from './own-turns.ts';

/**
 * A request waits at most for this time. Kafka refuses it at once. The wait delays later answers on the
 * client's connection, so it is much shorter than any `request.timeout.ms`.
 */
export const LOAD_WAIT_MS: Millis = 500;
/** More requests do not wait for one shard. */
export const WAITING_REQUESTS_MAX = 1000;
/** The number of requests that one turn of the event loop serves when the load has ended. */
const SLICE_REQUESTS = 50;

/** Serves a request with the machine, or refuses it with the error. */
export type Serve<M> = (found: M | ErrorCode) => void;

interface Waiting<M> {
  readonly serve: Serve<M>;
  readonly sinceMs: Millis;
}

export interface LoadQueueOptions<M> {
  readonly timers: Timers;
  readonly ownTurns: OwnTurns;
  /** The machine, or the error that a client gets now. */
  find(): M | ErrorCode;
}

export class LoadQueue<M> {
  private readonly o: LoadQueueOptions<M>;
  /** The oldest request is the first. */
  private waiting: Waiting<M>[] = [];
  private deadline: Deadline<DueCallback> | undefined;
  private cancelSlice: (() => void) | undefined;

  constructor(options: LoadQueueOptions<M>) {
    this.o = options;
  }

  get size(): number {
    return this.waiting.length;
  }

  /**
   * Calls `serve` within this call unless the shard loads. While earlier requests wait, a new request also
   * waits, because it must not overtake them: a commit that overtakes an earlier commit of the same client
   * would move the committed offset back.
   */
  add(serve: Serve<M>): void {
    const found = this.o.find();
    const mayWait = found === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS || this.waiting.length > 0;
    if (!mayWait) serve(found);
    else if (this.waiting.length >= WAITING_REQUESTS_MAX) serve(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    else {
      this.waiting.push({ serve, sinceMs: this.o.timers.now() });
      this.watchOldest();
    }
  }

  /** Call it when the load has ended. Serves the waiting requests in later turns, a few in each turn. */
  release(): void {
    if (this.waiting.length === 0 || this.cancelSlice !== undefined) return;
    this.cancelSlice = this.o.ownTurns.after(NEXT_TURN_MS, () => this.slice());
  }

  /** Refuses every waiting request. */
  refuse(errorCode: ErrorCode): void {
    this.cancelSlice?.();
    this.cancelSlice = undefined;
    const refused = this.waiting;
    this.waiting = [];
    this.watchOldest();
    for (const { serve } of refused) serve(errorCode);
  }

  private slice(): void {
    this.cancelSlice = undefined;
    for (let served = 0; served < SLICE_REQUESTS; served++) {
      // A request may end the shard. Then the next shard loads, and the rest of the requests wait for it.
      const found = this.o.find();
      if (found === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) {
        this.watchOldest();
        return;
      }
      const next = this.waiting.shift();
      if (next === undefined) break;
      next.serve(found);
    }
    this.watchOldest();
    this.release();
  }

  /** Refuses the oldest request when it has waited for `LOAD_WAIT_MS`. */
  private watchOldest(): void {
    const [oldest] = this.waiting;
    if (oldest === undefined) {
      this.o.timers.cancel(this.deadline);
      this.deadline = undefined;
    } else if (this.deadline === undefined) {
      const leftMs = oldest.sinceMs + LOAD_WAIT_MS - this.o.timers.now();
      this.deadline = this.o.timers.after(Math.max(leftMs, NEXT_TURN_MS), () => this.refuseOldest());
    }
  }

  private refuseOldest(): void {
    this.deadline = undefined;
    // If the load has ended, the requests are about to be served.
    if (this.o.find() !== ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) return;
    const untilMs = this.o.timers.now() - LOAD_WAIT_MS;
    const firstKept = this.waiting.findIndex(({ sinceMs }) => sinceMs > untilMs);
    const refused = this.waiting.splice(0, firstKept === -1 ? this.waiting.length : firstKept);
    this.watchOldest();
    for (const { serve } of refused) serve(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
  }
}
