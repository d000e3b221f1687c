/**
 * Some groups use the same set of lanes (connections, lane.ts). The gate lets only a few of these groups join
 * at a time. A broker answers a JoinGroup only when the whole group has joined, and until then it answers no
 * other request on this connection. If two groups joined over the same lanes at once, a JoinGroup of each
 * group could wait behind a JoinGroup of the other group.
 */
export class Gate {
  readonly #width: number;
  readonly #inside = new Set<object>();
  readonly #queue: { readonly who: object; readonly enter: () => void }[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  /**
   * Calls `enter` as soon as the group may join. Does nothing if the group is already inside or in the queue.
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
