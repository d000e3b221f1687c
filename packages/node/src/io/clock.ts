/**
 * Clock over the process's monotonic clock and timers. One instance a node: what is due `soon` is the node's
 * own queue.
 */
import type { Clock, Millis, Timer, WallMillis } from '@millrace/base';

/** Node's timers hold no more; whoever waits longer is woken early and waits again. */
const TIMER_MS_MAX = 2_147_483_647;

export class NodeClock implements Clock {
  #soon: (() => void)[] = [];
  #scheduled = false;
  readonly #runSoon = (): void => {
    // What is asked for meanwhile belongs to the same turn: the queue grows while it is walked.
    const queue = this.#soon;
    let next = 0;
    try {
      while (next < queue.length) queue[next++]!();
    } finally {
      // After an exception the rest still runs, in a turn of its own.
      this.#soon = queue.slice(next);
      this.#scheduled = false;
      if (this.#soon.length > 0) this.#schedule();
    }
  };

  /** Whole milliseconds: deadlines travel in messages. */
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
   * Runs after every socket that was readable in this round of the event loop has been read (the check phase
   * follows the poll phase): what many connections caused is gathered into one write a file and a connection.
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
