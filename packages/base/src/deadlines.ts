/**
 * A queue of deadlines, for an owner that sets only one timer for all of them. The owner asks `next()` for
 * the earliest time, and takes the due values with `popDue`. The queue is a binary heap, ordered by time and
 * then by the order of insertion.
 */
import type { Millis } from './ids.ts';

export interface Deadline<T> {
  readonly at: Millis;
  readonly value: T;
  /** False once the deadline was popped or cancelled. */
  pending: boolean;
}

interface Entry<T> extends Deadline<T> {
  readonly sequence: number;
}

export class DeadlineQueue<T> {
  private heap: Entry<T>[] = [];
  private sequence = 0;
  private cancelled = 0;

  /** Number of pending deadlines. */
  get size(): number {
    return this.heap.length - this.cancelled;
  }

  add(at: Millis, value: T): Deadline<T> {
    const entry: Entry<T> = { at, value, pending: true, sequence: this.sequence++ };
    this.heap.push(entry);
    this.siftUp(entry);
    return entry;
  }

  /**
   * Cancels a deadline. Its entry stays in the heap until it reaches the top. If more than 64 entries, and
   * more than half of all entries, are cancelled, the heap is rebuilt without them.
   */
  cancel(deadline: Deadline<T>): void {
    if (!deadline.pending) return;
    deadline.pending = false;
    this.cancelled++;
    if (this.cancelled > 64 && this.cancelled * 2 > this.heap.length) this.rebuild();
  }

  /** The time of the earliest pending deadline. Undefined: no deadline is pending. */
  next(): Millis | undefined {
    this.dropCancelled();
    return this.heap[0]?.at;
  }

  /** Removes the earliest deadline if it is due at `now`, and returns its value. Undefined: none is due. */
  popDue(now: Millis): T | undefined {
    return this.takeDue(now)?.value;
  }

  /** Like `popDue`, but returns the deadline, which has the value and the time. */
  takeDue(now: Millis): Deadline<T> | undefined {
    this.dropCancelled();
    const first = this.heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.removeFirst();
    first.pending = false;
    return first;
  }

  private dropCancelled(): void {
    while (this.heap.length > 0 && !this.heap[0]!.pending) {
      this.removeFirst();
      this.cancelled--;
    }
  }

  private rebuild(): void {
    const kept = this.heap.filter((entry) => entry.pending).sort((a, b) => (before(a, b) ? -1 : 1));
    this.heap = kept;
    this.cancelled = 0;
  }

  private removeFirst(): void {
    const last = this.heap.pop()!;
    if (this.heap.length > 0) this.siftDown(last);
  }

  /** Moves each parent that is later than the entry down one level, then puts the entry into the gap. */
  private siftUp(entry: Entry<T>): void {
    const { heap } = this;
    let gap = heap.length - 1;
    while (gap > 0) {
      const above = (gap - 1) >> 1;
      const parent = heap[above]!;
      if (before(parent, entry)) break;
      heap[gap] = parent;
      gap = above;
    }
    heap[gap] = entry;
  }

  /** Moves each child that is earlier than the entry up one level, then puts the entry into the gap. */
  private siftDown(entry: Entry<T>): void {
    const { heap } = this;
    let gap = 0;
    for (let below = 1; below < heap.length; below = gap * 2 + 1) {
      const right = below + 1;
      if (right < heap.length && before(heap[right]!, heap[below]!)) below = right;
      const child = heap[below]!;
      if (before(entry, child)) break;
      heap[gap] = child;
      gap = below;
    }
    heap[gap] = entry;
  }
}

function before<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
