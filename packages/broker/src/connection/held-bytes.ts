/**
 * What one connection holds of the broker's memory, by reason, and the difference to what the budget was last
 * told of it.
 */
import type { MemoryBudget } from './memory-budget.ts';

export class HeldBytes {
  /** Frames of requests that are not answered yet, and what they were decoded to. */
  request = 0;
  /** Of these: what decoded requests take. */
  decoded = 0;
  /** Answers that are ready but wait for an earlier one, or for the peer. */
  answer = 0;
  /** Handed to the stream and, as far as we know, not taken by the peer. */
  undrained = 0;
  /** As the budget was told. */
  told = 0;
  private toldDecoded = 0;

  /** The connection drops its requests. */
  forgetRequests(): void {
    this.request = 0;
    this.decoded = 0;
    this.answer = 0;
  }

  /** `buffered`: read, and not a request yet. May wake other connections. */
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
