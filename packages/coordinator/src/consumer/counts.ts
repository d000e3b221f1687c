/** How often each text occurs. */
export class Counts {
  private readonly counts: Map<string, number>;

  constructor(counts?: ReadonlyMap<string, number>) {
    this.counts = new Map(counts);
  }

  copy(): Counts {
    return new Counts(this.counts);
  }

  get size(): number {
    return this.counts.size;
  }

  of(text: string): number {
    return this.counts.get(text) ?? 0;
  }

  keys(): Iterable<string> {
    return this.counts.keys();
  }

  add(text: string): void {
    this.counts.set(text, this.of(text) + 1);
  }

  remove(text: string): void {
    const rest = this.of(text) - 1;
    if (rest > 0) this.counts.set(text, rest);
    else this.counts.delete(text);
  }

  /** The most frequent text. Among equally frequent texts, the first by code unit. */
  most(): string | undefined {
    let best: string | undefined;
    for (const [text, count] of this.counts) {
      const most = best === undefined ? 0 : this.of(best);
      if (count > most || (count === most && best !== undefined && text < best)) best = text;
    }
    return best;
  }
}
