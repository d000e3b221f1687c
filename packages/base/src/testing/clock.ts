/** A clock that a test moves by hand. */
import { assert } from '../assert.ts';
import { type Deadline, DeadlineQueue } from '../deadlines.ts';
import type { Millis, WallMillis } from '../ids.ts';
import type { Clock, Timer } from '../seams.ts';

export class ManualClock implements Clock {
  /** The difference wallMs() - monotonicMs(). */
  wallOffsetMs = 1_700_000_000_000;
  private now: Millis = 0;
  private readonly timers = new DeadlineQueue<() => void>();
  private readonly pendingSoon: (() => void)[] = [];

  monotonicMs(): Millis {
    return this.now;
  }

  wallMs(): WallMillis {
    return this.now + this.wallOffsetMs;
  }

  setTimer(delayMs: Millis, callback: () => void): Timer {
    assert(delayMs >= 0, 'a timer lies in the future');
    const entry: Deadline<() => void> = this.timers.add(this.now + delayMs, callback);
    return { cancel: () => this.timers.cancel(entry) };
  }

  soon(callback: () => void): void {
    this.pendingSoon.push(callback);
  }

  /** Ends the turn: runs all `soon` callbacks, including those that the callbacks add. */
  settle(): void {
    for (let rounds = 0; this.pendingSoon.length > 0; rounds++) {
      assert(rounds < 100_000, 'the turn never ends');
      this.pendingSoon.shift()!();
    }
  }

  /**
   * Advances time by `ms`. Runs each timer at its due time, and ends the turn (`settle`) after each timer.
   */
  advance(ms: Millis): void {
    const target = this.now + ms;
    this.settle();
    for (;;) {
      const next = this.timers.next();
      if (next === undefined || next > target) break;
      this.now = Math.max(this.now, next);
      this.timers.popDue(this.now)!();
      this.settle();
    }
    this.now = target;
  }
}
