/**
 * Slices of long work of all shards, at most one in each turn of the event loop. A broker may lead many
 * partitions of a topic, and their work is due together: a slice of each of them in one turn would block the
 * loop.
 */
import { type Millis, NEXT_TURN_MS, type Timers } from '@millrace/base';

export class OwnTurns {
  private readonly timers: Pick<Timers, 'after' | 'cancel'>;
  /** The slices that are due, in the order of their turns. */
  private readonly due = new Set<() => void>();
  /** True if a slice has run in this turn. */
  private isTaken = false;

  constructor(timers: Pick<Timers, 'after' | 'cancel'>) {
    this.timers = timers;
  }

  /**
   * Calls `slice` once, after `delayMs` or in the first later turn without a slice. Without a delay this may
   * be within this call. The returned function cancels the call.
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
