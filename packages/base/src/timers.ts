/**
 * Many deadlines that share one timer of the clock: those of parked requests, back-offs and request timeouts.
 * A timer of the clock for each request would cost too much, so no component may set one.
 */
import { type Deadline, DeadlineQueue } from './deadlines.ts';
import type { Millis } from './ids.ts';
import type { Clock, Timer } from './seams.ts';

export type DueCallback = () => void;

/**
 * The shortest delay after which a callback runs in a later turn. Deadlines of the same millisecond share a
 * turn.
 */
export const NEXT_TURN_MS: Millis = 1;

export class Timers {
  private readonly clock: Clock;
  private readonly queue = new DeadlineQueue<DueCallback>();
  private timer: Timer | undefined;
  /** The due time of `timer`; meaningless while there is none. */
  private armedAt: Millis = 0;
  private stopped = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Number of pending deadlines. */
  get size(): number {
    return this.queue.size;
  }

  now(): Millis {
    return this.clock.monotonicMs();
  }

  /**
   * Calls back once, after `delayMs`, and never within this call. Deadlines that are due together share a
   * turn.
   */
  after(delayMs: Millis, callback: DueCallback): Deadline<DueCallback> {
    const deadline = this.queue.add(this.now() + Math.max(0, delayMs), callback);
    if (this.timer === undefined || deadline.at < this.armedAt) this.arm();
    return deadline;
  }

  /** Calls back once, at the end of this turn. */
  soon(callback: DueCallback): void {
    this.clock.soon(() => {
      if (!this.stopped) callback();
    });
  }

  /**
   * Cancels a deadline. The clock's timer stays set: one useless wake-up is cheaper than setting a timer
   * again for each answered request.
   */
  cancel(deadline: Deadline<DueCallback> | undefined): void {
    if (deadline !== undefined) this.queue.cancel(deadline);
  }

  /** Cancels everything: no callback runs after this. */
  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private arm(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const next = this.queue.next();
    if (next === undefined || this.stopped) return;
    this.armedAt = next;
    this.timer = this.clock.setTimer(Math.max(0, next - this.now()), () => this.fire());
  }

  private fire(): void {
    this.timer = undefined;
    const now = this.now();
    while (!this.stopped) {
      const due = this.queue.popDue(now);
      if (due === undefined) break;
      due();
    }
    this.arm();
  }
}
