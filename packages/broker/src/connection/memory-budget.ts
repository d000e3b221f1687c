/**
 * Counts the bytes that all connections hold together (received frames, what they became when they were
 * decoded, answers not yet taken by the peer) and says who must stop reading. It never frees memory itself:
 * it pauses, and under lasting pressure names the peers that only waste it.
 */
import { assert, type Millis } from '@millrace/base';

/** A connection as the budget sees it. */
export interface Holder {
  /** Bytes now held on its behalf. */
  readonly heldBytes: number;
  /**
   * Since when it has held bytes only because its peer does nothing (half a frame, answers not read);
   * undefined: it does not.
   */
  readonly stalledSinceMs: Millis | undefined;
  /** Memory is there again: read on. */
  memoryFreed(): void;
  /** Closes the connection at once. */
  drop(reason: string): void;
}

const SHARES = 4;
/** Decoded requests may take this part of the budget before a large one has to wait. */
const DECODED_SHARES = 4;

export class MemoryBudget {
  /** Bytes held by all connections. */
  heldBytes = 0;
  /** Of these: what decoded requests take beside their frames. */
  decodedBytes = 0;
  readonly maxBytes: number;
  private readonly waiting = new Set<Holder>();
  private readonly onPressure: () => void;

  /** `onPressure`: someone has to wait; look after the stalled ones while that lasts. */
  constructor(maxBytes: number, onPressure: () => void) {
    assert(maxBytes > 0, 'a memory budget is positive');
    this.maxBytes = maxBytes;
    this.onPressure = onPressure;
  }

  get exhausted(): boolean {
    return this.heldBytes > this.maxBytes;
  }

  /** Decoded requests take so much that another large one has to wait for the end of some. */
  get crowded(): boolean {
    return this.decodedBytes * DECODED_SHARES > this.maxBytes;
  }

  /** Somebody waits for others to end, so those that do not go on are in the way. */
  get isPressed(): boolean {
    return this.exhausted || (this.crowded && this.waiting.size > 0);
  }

  /** What one may take so that others find something too: a part of what is left. 0: nothing is left. */
  get shareBytes(): number {
    return Math.max(0, Math.floor((this.maxBytes - this.heldBytes) / SHARES));
  }

  /** Some connection holds more (or, negative, less), of which so much is decoded. */
  change(deltaBytes: number, decodedDeltaBytes: number): void {
    const wasCrowded = this.crowded;
    this.heldBytes += deltaBytes;
    this.decodedBytes += decodedDeltaBytes;
    assert(this.heldBytes >= 0 && this.decodedBytes >= 0, 'no less than nothing is held');
    if (this.waiting.size === 0) return;
    // Frames that wait may exhaust the budget by themselves: the end of the crowd is the end of their wait.
    if ((deltaBytes < 0 && !this.exhausted) || (wasCrowded && !this.crowded)) this.release();
  }

  /** The holder stopped reading until `memoryFreed`. */
  wait(holder: Holder): void {
    this.waiting.add(holder);
    this.onPressure();
  }

  forget(holder: Holder): void {
    this.waiting.delete(holder);
  }

  /**
   * Under pressure, drops those whose peers have stalled for `stalledMs`, the longest stalled first, until
   * half of the budget is free: half frames and unread answers of one client must not stop the others for
   * ever.
   */
  dropStalled(holders: Iterable<Holder>, now: Millis, stalledMs: Millis): void {
    if (!this.isPressed) return;
    const stalled: Holder[] = [];
    for (const holder of holders) {
      const since = holder.stalledSinceMs;
      if (since !== undefined && now - since >= stalledMs && holder.heldBytes > 0) stalled.push(holder);
    }
    stalled.sort((a, b) => a.stalledSinceMs! - b.stalledSinceMs!);
    for (const holder of stalled) {
      if (this.heldBytes * 2 <= this.maxBytes && !this.crowded) return;
      holder.drop('stalled while memory is short');
    }
  }

  private release(): void {
    for (const holder of [...this.waiting]) {
      if (this.exhausted && this.crowded) return;
      this.waiting.delete(holder);
      holder.memoryFreed();
    }
  }
}
