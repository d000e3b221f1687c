/**
 * Lets only a few groups of one set of lanes join at a time. A broker answers a JoinGroup only when the whole
 * group has joined, and until then it answers nothing else on that connection. If two groups joined over the
 * same lanes at once, each could wait for a member of the other one.
 */
export class Gate {
  readonly #width: number;
  readonly #inside = new Set<object>();
  readonly #queue: { readonly who: object; readonly enter: () => void }[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  /**
   * Calls `enter` as soon as the group may join. Ignores the call for a group that is inside or queued
   * already.
   */
  enter(who: object, enter: () => void): void {
    if (this.#inside.has(who) || this.#queue.some((queued) => queued.who === who)) return;
    this.#queue.push({ who, enter });
    this.#advance();
  }

  isInside(who: object): boolean {
    return this.#inside.has(who);
  }

  leave(who: object): void {
    if (this.#inside.delete(who)) this.#advance();
  }

  #advance(): void {
    while (this.#inside.size < this.#width) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#inside.add(next.who);
      next.enter();
    }
  }
}
