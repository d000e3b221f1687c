/** Counts the memory that one connection holds, each kind separately, and reports changes to the budget. */
import type { MemoryBudget } from './memory-budget.ts';

export class HeldBytes {
  /** Frames and decoded objects of the requests without an answer yet, except what was freed early. */
  request = 0;
  /** Part of `request`: the decoded objects. */
  decoded = 0;
  /** Answers that are ready but wait for an earlier one, or for the peer. */
  answer = 0;
  /** Answers given to a stream whose peer reads slowly, until the stream is drained. */
  undrained = 0;
  /** The bytes that the budget last counted. */
  told = 0;
  private toldDecoded = 0;

  /** Counts the requests and their answers as freed. Called when the connection drops its requests. */
  forgetRequests(): void {
    this.request = 0;
    this.decoded = 0;
    this.answer = 0;
  }

  /**
   * Informs the budget. This may wake other connections. `buffered`: the received bytes that belong to no
   * started request.
   */
  tell(budget: MemoryBudget, buffered: number): void {
    const held = buffered + this.request + this.answer + this.undrained;
    const delta = held - this.told;
    const decodedDelta = this.decoded - this.toldDecoded;
    if (delta === 0 && decodedDelta === 0) return;
    this.told = held;
    this.toldDecoded = this.decoded;
    budget.change(delta, decodedDelta);
  }
}
