/**
 * Many deadlines that share one timer of the clock: parked requests, back-offs, timeouts of requests. Must
 * never arm a timer per request.
 */
import { type Deadline, DeadlineQueue } from './deadlines.ts';
import type { Millis } from './ids.ts';
import type { Clock, Timer } from './seams.ts';

export type DueCallback = () => void;

export class Timers {
  private readonly clock: Clock;
  private readonly queue = new DeadlineQueue<DueCallback>();
  private timer: Timer | undefined;
  /** When `timer` fires; meaningless while there is none. */
  private armedAt: Millis = 0;
  private stopped = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  now(): Millis {
    return this.clock.monotonicMs();
  }

  /** Calls once, in a turn of its own, `delayMs` from now. */
  after(delayMs: Millis, callback: DueCallback): Deadline<DueCallback> {
    const deadline = this.queue.add(this.now() + Math.max(0, delayMs), callback);
    if (this.timer === undefined || deadline.at < this.armedAt) this.arm();
    return deadline;
  }

  /** Calls once, at the end of this turn. */
  soon(callback: DueCallback): void {
    this.clock.soon(() => {
      if (!this.stopped) callback();
    });
  }

  /** The timer stays armed. One useless wake-up is cheaper than arming a timer for each answered request. */
  cancel(deadline: Deadline<DueCallback> | undefined): void {
    if (deadline !== undefined) this.queue.cancel(deadline);
  }

  /** No callback fires after this. */
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
