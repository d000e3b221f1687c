/**
 * Clock over the process's monotonic clock and timers. Each node has its own instance, and so its own queue
 * of `soon` callbacks.
 */
import type { Millis, WallMillis } from '../ids.ts';
import type { Clock, Timer } from '../seams.ts';

/**
 * The longest delay of a Node timer: 24.8 days. `setTimer` shortens a longer delay to this one, so such a
 * timer fires early.
 */
const TIMER_MS_MAX = 2_147_483_647;

export class NodeClock implements Clock {
  #soon: (() => void)[] = [];
  #scheduled = false;
  readonly #runSoon = (): void => {
    // A callback may add callbacks, which must run in the same turn. So the loop ends only when the queue has
    // no more entries.
    const queue = this.#soon;
    let next = 0;
    try {
      while (next < queue.length) queue[next++]!();
    } finally {
      // If a callback throws, the remaining callbacks still run, in a turn of their own.
      this.#soon = queue.slice(next);
      this.#scheduled = false;
      if (this.#soon.length > 0) this.#schedule();
    }
  };

  /** Whole milliseconds, because messages carry durations that are computed from them. */
  monotonicMs(): Millis {
    return Math.floor(performance.now());
  }

  wallMs(): WallMillis {
    return Date.now();
  }

  setTimer(delayMs: Millis, callback: () => void): Timer {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), TIMER_MS_MAX));
    return { cancel: () => clearTimeout(timer) };
  }

  /**
   * Runs the callback in the check phase of the event loop, which follows the poll phase. In the poll phase
   * the event loop reads every readable socket. So one turn handles the requests of many connections, and the
   * answers to one connection leave in one write.
   */
  soon(callback: () => void): void {
    this.#soon.push(callback);
    if (!this.#scheduled) this.#schedule();
  }

  #schedule(): void {
    this.#scheduled = true;
    setImmediate(this.#runSoon);
  }
}
