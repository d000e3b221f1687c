/** The objects of one family that the records of a batch changed. A family's draft collects them. */
export interface Changes {
  readonly isEmpty: boolean;
  /** Returns a new object with these changes and those of `next`, which follow them. */
  merge(next: this): Changes;
}

export function union<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): Set<T> {
  const all = new Set(a);
  for (const value of b) all.add(value);
  return all;
}
