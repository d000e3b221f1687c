/**
 * What all requests of one turn of the event loop may spend together on unfolding and compressing batches;
 * what is beyond goes into jobs. Many batches of one request, and the requests of many connections, so hold
 * up the loop no longer than one batch may.
 */
import type { WorkBudget } from '@millrace/protocol';

export class TurnBudget implements WorkBudget {
  private readonly workMax: number;
  private readonly soon: (callback: () => void) => void;
  private left: number;

  /** `soon` calls at the end of the turn. */
  constructor(workMax: number, soon: (callback: () => void) => void) {
    this.workMax = workMax;
    this.left = workMax;
    this.soon = soon;
  }

  get work(): number {
    return this.left;
  }

  set work(left: number) {
    // Only who spends something asks for a callback.
    if (this.left === this.workMax && left < this.workMax)
      this.soon(() => {
        this.left = this.workMax;
      });
    this.left = left;
  }
}
