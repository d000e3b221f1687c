/**
 * Where recent reads of one log ended, so that a sequential reader needs no search. A log has a hint for each
 * of many readers, at any positions and speeds: a hint from which a reader has read on makes room first. A
 * few such hints stay, because several readers may follow each other, for example the followers of a log.
 *
 * A hint is only a guess: a read checks the batch that it finds there. The owner forgets all hints when it
 * replaces or cuts a segment.
 */
import type { Offset } from '@millrace/base';
import type { HintBudget } from '../files/hint-budget.ts';
import { FOLLOWED_HINTS, READ_HINTS } from '../limits.ts';
import type { Segment } from './segment.ts';

export interface Hint {
  readonly segment: Segment;
  readonly position: number;
}

export class ReadHints {
  /** Hints by offset, the oldest first. No reader has read on from these. */
  private readonly fresh = new Map<Offset, Hint>();
  private readonly followed = new Map<Offset, Hint>();
  private readonly budget: HintBudget;

  constructor(budget: HintBudget) {
    this.budget = budget;
  }

  get size(): number {
    return this.fresh.size + this.followed.size;
  }

  /** Returns the place of the batch that begins at `offset`, if a read ended there. */
  readFrom(offset: Offset): Hint | undefined {
    const hint = this.fresh.get(offset) ?? this.followed.get(offset);
    if (hint === undefined) return undefined;
    this.change(() => {
      this.fresh.delete(offset);
      put(this.followed, offset, hint, FOLLOWED_HINTS);
    });
    return hint;
  }

  /** A read ended before the batch at `offset`. */
  add(offset: Offset, hint: Hint): void {
    this.change(() => {
      this.followed.delete(offset);
      put(this.fresh, offset, hint, READ_HINTS);
    });
  }

  dropOldest(): void {
    const from = this.followed.size > 0 ? this.followed : this.fresh;
    this.change(() => dropFirst(from));
  }

  clear(): void {
    this.change(() => {
      this.fresh.clear();
      this.followed.clear();
    });
  }

  private change(work: () => void): void {
    const before = this.size;
    work();
    this.budget.changed(this, this.size - before);
  }
}

function put(hints: Map<Offset, Hint>, offset: Offset, hint: Hint, max: number): void {
  hints.delete(offset);
  if (hints.size >= max) dropFirst(hints);
  hints.set(offset, hint);
}

function dropFirst(hints: Map<Offset, Hint>): void {
  const [first] = hints.keys();
  if (first !== undefined) hints.delete(first);
}
