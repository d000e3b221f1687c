/**
 * Counts the bytes that all connections hold together: received frames, their decoded objects, and answers
 * that the peer has not read. A connection that must wait for memory stops reading, and the budget tells it
 * when memory was freed. While memory stays short, the budget drops stalled connections.
 */
import { assert, type Millis } from '@millrace/base';

/** A connection as the budget sees it. */
export interface Holder {
  /** Bytes that the broker now holds for this connection. */
  readonly heldBytes: number;
  /**
   * When the peer began to stall. A peer stalls if it does not read its answers. A peer also stalls if it
   * does not send the rest of a frame, while no earlier request delays the connection. Undefined: the peer
   * does not stall.
   */
  readonly stalledSinceMs: Millis | undefined;
  /** Called when memory was freed. The connection then checks again whether it may continue. */
  memoryFreed(): void;
  /** Closes the connection at once. */
  drop(reason: string): void;
}

const SHARES = 4;
/** A large request must wait while decoded requests use more than `maxBytes / DECODED_SHARES`: a quarter. */
const DECODED_SHARES = 4;

export class MemoryBudget {
  /** Bytes held by all connections. */
  heldBytes = 0;
  /** Part of `heldBytes`: the decoded objects of requests, without their frames. */
  decodedBytes = 0;
  readonly maxBytes: number;
  private readonly waiting = new Set<Holder>();
  private readonly onPressure: () => void;

  /**
   * `onPressure`: called when a connection must wait. While `isPressed` is true, the owner should drop
   * stalled connections.
   */
  constructor(maxBytes: number, onPressure: () => void) {
    assert(maxBytes > 0, 'a memory budget is positive');
    this.maxBytes = maxBytes;
    this.onPressure = onPressure;
  }

  get exhausted(): boolean {
    return this.heldBytes > this.maxBytes;
  }

  /**
   * True if decoded requests use so much memory that another large request must wait until some of them end.
   */
  get crowded(): boolean {
    return this.decodedBytes * DECODED_SHARES > this.maxBytes;
  }

  /**
   * True while memory is short, and stalled connections may hold it: the budget is exhausted, or a connection
   * waits because decoded requests use too much.
   */
  get isPressed(): boolean {
    return this.exhausted || (this.crowded && this.waiting.size > 0);
  }

  /**
   * The most memory that one answer may take. This is a share of the free memory, so that other answers get
   * some, too. 0: no memory is free.
   */
  get shareBytes(): number {
    return Math.max(0, Math.floor((this.maxBytes - this.heldBytes) / SHARES));
  }

  /**
   * Called when the bytes that a connection holds change by `deltaBytes`. The decoded objects among them
   * change by `decodedDeltaBytes`.
   */
  change(deltaBytes: number, decodedDeltaBytes: number): void {
    const wasCrowded = this.crowded;
    this.heldBytes += deltaBytes;
    this.decodedBytes += decodedDeltaBytes;
    assert(this.heldBytes >= 0 && this.decodedBytes >= 0, 'the bytes held are never negative');
    if (this.waiting.size === 0) return;
    // The frames of waiting connections may exhaust the budget by themselves. So also release these
    // connections when decoded requests use little memory again.
    if ((deltaBytes < 0 && !this.exhausted) || (wasCrowded && !this.crowded)) this.release();
  }

  /** Called when the holder has stopped reading. From then on it waits for `memoryFreed`. */
  wait(holder: Holder): void {
    this.waiting.add(holder);
    this.onPressure();
  }

  forget(holder: Holder): void {
    this.waiting.delete(holder);
  }

  /**
   * While memory is short, drops the connections whose peers have stalled for `stalledMs`, beginning with the
   * one that stalled first. Stops when half of the budget is free and large requests need not wait. Half
   * frames and unread answers of one client must not block the others for ever.
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
