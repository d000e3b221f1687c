/**
 * A queue of values that each wait until a position has reached an offset. For example, an acknowledgement
 * waits until the high watermark has reached the end of the acknowledged batch. The queue releases values in
 * the order of their offsets, and values of one offset in the order of arrival.
 */
import type { Offset } from './ids.ts';

export class ParkedUntilOffset<T> {
  private entries: { offset: Offset; value: T }[] = [];

  get size(): number {
    return this.entries.length;
  }

  /**
   * Adds a value. Most values arrive in the order of their offsets, so the search for the place of the value
   * starts at the end.
   */
  park(offset: Offset, value: T): void {
    let index = this.entries.length;
    while (index > 0 && this.entries[index - 1]!.offset > offset) index--;
    this.entries.splice(index, 0, { offset, value });
  }

  /** Removes and returns, in order, every value whose offset is <= `reached`. */
  release(reached: Offset): T[] {
    let count = 0;
    while (count < this.entries.length && this.entries[count]!.offset <= reached) count++;
    return count === 0 ? [] : this.entries.splice(0, count).map((entry) => entry.value);
  }

  /** Removes and returns everything, in order. A replica or controller calls this when it no longer leads. */
  drain(): T[] {
    const values = this.entries.map((entry) => entry.value);
    this.entries = [];
    return values;
  }

  /** Removes every value for which `predicate` is true, for example because its timeout ended. */
  removeWhere(predicate: (value: T) => boolean): void {
    this.entries = this.entries.filter((entry) => !predicate(entry.value));
  }
}
