/** Work for many items, a few at a time. */

/** Does the work for each item, at most `atOnce` at a time. Calls `done` at once, or in a later turn. */
export function forEachOf<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, next: () => void) => void,
  done: () => void,
): void {
  let started = 0;
  let busy = 0;
  let isStarting = false;
  const start = (): void => {
    // A work may call back at once. The loop below then continues, without a deeper stack.
    if (isStarting) return;
    isStarting = true;
    while (busy < atOnce && started < items.length) {
      busy++;
      work(items[started++]!, () => {
        busy--;
        start();
      });
    }
    isStarting = false;
    if (busy === 0) done();
  };
  start();
}
