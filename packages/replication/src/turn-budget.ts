/**
 * The work that all requests of one turn of the event loop may spend together: on decompressing and
 * compressing batches, on scans of lookups by time, and on deletions of records. Beyond this budget, jobs
 * handle the batches, and lookups and deletions continue in a later turn. Thus all of this work together
 * blocks the event loop for about as long as one batch alone may.
 */
import type { WorkBudget } from '@millrace/protocol';

export class TurnBudget implements WorkBudget {
  private readonly workMax: number;
  private readonly soon: (callback: () => void) => void;
  private left: number;

  /** `soon`: calls back at the end of the turn. */
  constructor(workMax: number, soon: (callback: () => void) => void) {
    this.workMax = workMax;
    this.left = workMax;
    this.soon = soon;
  }

  get work(): number {
    return this.left;
  }

  set work(left: number) {
    // Only the first request that spends work asks for a callback.
    if (this.left === this.workMax && left < this.workMax)
      this.soon(() => {
        this.left = this.workMax;
      });
    this.left = left;
  }
}
