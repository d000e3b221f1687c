/** Goal: the real clock runs each callback and timer once, at the right time. */
import { expect, test } from 'vitest';
import { NodeClock } from '../../src/io/clock.ts';

test('soon: callbacks run after this turn, in order, followed by the callbacks that they add', async () => {
  const clock = new NodeClock();
  const order: string[] = [];
  clock.soon(() => {
    order.push('a');
    clock.soon(() => order.push('c'));
  });
  clock.soon(() => order.push('b'));
  expect(order).toEqual([]);
  await new Promise(setImmediate);
  expect(order).toEqual(['a', 'b', 'c']);
});

test('a timer fires after its delay, and a cancelled timer never fires', async () => {
  const clock = new NodeClock();
  const fired: string[] = [];
  clock.setTimer(1e12, () => fired.push('far')).cancel();
  const cancelled = clock.setTimer(1, () => fired.push('cancelled'));
  cancelled.cancel();
  const before = clock.monotonicMs();
  await new Promise<void>((resolve) => void clock.setTimer(20, resolve));
  expect(clock.monotonicMs() - before).toBeGreaterThanOrEqual(19);
  expect(Number.isInteger(clock.monotonicMs())).toBe(true);
  expect(fired).toEqual([]);
});
