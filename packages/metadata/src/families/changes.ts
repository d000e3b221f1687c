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

/** Whether two values of plain data are equal, with the same order of fields. */
export function isSameData(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
