/**
 * A queue of deadlines, for an owner with one timer: a binary heap by (time, order of insertion). The owner
 * asks `next()` when to wake up, and takes the due values with `popDue`.
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
    this.siftUp(this.heap.length - 1);
    return entry;
  }

  /**
   * Cancels a deadline. Its entry stays in the heap until it reaches the top, or until most entries are
   * cancelled.
   */
  cancel(deadline: Deadline<T>): void {
    if (!deadline.pending) return;
    deadline.pending = false;
    this.cancelled++;
    if (this.cancelled > 64 && this.cancelled * 2 > this.heap.length) this.rebuild();
  }

  /** The earliest pending time, or undefined. */
  next(): Millis | undefined {
    this.dropCancelled();
    return this.heap[0]?.at;
  }

  /** Removes and returns the earliest value that is due at `now`, or undefined. */
  popDue(now: Millis): T | undefined {
    this.dropCancelled();
    const first = this.heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.removeFirst();
    first.pending = false;
    return first.value;
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
    if (this.heap.length === 0) return;
    this.heap[0] = last;
    this.siftDown(0);
  }

  private siftUp(start: number): void {
    const { heap } = this;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (before(heap[parent]!, heap[index]!)) return;
      [heap[parent], heap[index]] = [heap[index]!, heap[parent]!];
      index = parent;
    }
  }

  private siftDown(start: number): void {
    const { heap } = this;
    let index = start;
    for (;;) {
      const left = index * 2 + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && before(heap[right]!, heap[left]!) ? right : left;
      if (before(heap[index]!, heap[child]!)) return;
      [heap[child], heap[index]] = [heap[index]!, heap[child]!];
      index = child;
    }
  }
}

function before(a: { at: Millis; sequence: number }, b: { at: Millis; sequence: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
