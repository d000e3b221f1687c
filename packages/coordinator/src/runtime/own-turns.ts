/**
 * Runs slices of long work for all shards, at most one slice in each turn of the event loop. A broker may
 * lead many partitions of a topic, and the work of all of them can be due at once. One turn with a slice for
 * each partition would block the loop.
 */
import { type Millis, NEXT_TURN_MS, type Timers } from '@millrace/base';

export class OwnTurns {
  private readonly timers: Pick<Timers, 'after' | 'cancel'>;
  /** The slices that are due but have not run yet. They run in this order. */
  private readonly due = new Set<() => void>();
  /** True if a slice has run in this turn. */
  private isTaken = false;

  constructor(timers: Pick<Timers, 'after' | 'cancel'>) {
    this.timers = timers;
  }

  /**
   * Calls `slice` once, when `delayMs` is over, in the first turn in which no other slice runs. If `delayMs`
   * is 0, this may be within this call. The returned function cancels the call.
   */
  after(delayMs: Millis, slice: () => void): () => void {
    const run = () => slice();
    const deadline = delayMs === 0 ? undefined : this.timers.after(delayMs, () => this.runOrWait(run));
    if (deadline === undefined) this.runOrWait(run);
    return () => {
      this.timers.cancel(deadline);
      this.due.delete(run);
    };
  }

  private runOrWait(run: () => void): void {
    if (this.isTaken) this.due.add(run);
    else this.take(run);
  }

  private take(run: () => void): void {
    this.due.delete(run);
    this.isTaken = true;
    this.timers.after(NEXT_TURN_MS, () => {
      this.isTaken = false;
      const [next] = this.due;
      if (next !== undefined) this.take(next);
    });
    run();
  }
}
