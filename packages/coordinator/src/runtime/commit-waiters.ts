/** The callbacks that wait until decisions are committed, each with a deadline. */
import { type Deadline, type DueCallback, type Millis, ParkedUntilOffset, type Timers } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { WriteNumber } from './machine.ts';

class Waiter {
  readonly write: WriteNumber;
  readonly done: (errorCode: ErrorCode) => void;
  deadline: Deadline<DueCallback> | undefined;
  isSettled = false;

  constructor(write: WriteNumber, done: (errorCode: ErrorCode) => void) {
    this.write = write;
    this.done = done;
  }
}

export class CommitWaiters {
  private readonly timers: Timers;
  private readonly timeoutMs: Millis;
  private readonly parked = new ParkedUntilOffset<Waiter>();
  private readonly open = new Set<Waiter>();
  /**
   * When `parked` has this many entries, `wait` removes those that timed out. The size is at least twice the
   * number of entries that the last cleaning left, so that cleaning costs O(1) for each entry.
   */
  private cleanAtSize = 1024;

  constructor(timers: Timers, timeoutMs: Millis) {
    this.timers = timers;
    this.timeoutMs = timeoutMs;
  }

  /** The number of callbacks that still wait. */
  get size(): number {
    return this.open.size;
  }

  wait(write: WriteNumber, done: (errorCode: ErrorCode) => void): void {
    if (this.parked.size >= this.cleanAtSize) {
      this.parked.removeWhere(({ isSettled }) => isSettled);
      this.cleanAtSize = Math.max(1024, this.parked.size * 2);
    }
    const waiter = new Waiter(write, done);
    waiter.deadline = this.timers.after(this.timeoutMs, () =>
      this.settle(waiter, ErrorCode.COORDINATOR_NOT_AVAILABLE),
    );
    this.open.add(waiter);
    this.parked.park(write, waiter);
  }

  /** Call it when every decision up to `write` is committed. Durability contract, row 3 (acks=all). */
  committed(write: WriteNumber): void {
    for (const waiter of this.parked.release(write)) this.settle(waiter, ErrorCode.NONE);
  }

  end(errorOf: (write: WriteNumber) => ErrorCode): void {
    for (const waiter of this.parked.drain()) this.settle(waiter, errorOf(waiter.write));
    // A callback that `committed` calls may end the shard. Then some waiters are neither in `parked` nor
    // called by `committed` yet, but they are in `open`.
    for (const waiter of [...this.open]) this.settle(waiter, errorOf(waiter.write));
  }

  private settle(waiter: Waiter, errorCode: ErrorCode): void {
    if (waiter.isSettled) return;
    waiter.isSettled = true;
    this.open.delete(waiter);
    this.timers.cancel(waiter.deadline);
    waiter.done(errorCode);
  }
}
