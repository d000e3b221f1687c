import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteBudget } from '../../src/links/byte-budget.ts';

test('a budget begins empty, and grows with the time', () => {
  const budget = new ByteBudget(1000, 0);
  expect(budget.take(10, 0)).toBe(0);
  expect(budget.waitMs(10, 0)).toBe(10);
  expect(budget.take(10, 4)).toBe(4);
  expect(budget.take(10, 10)).toBe(6);
});

test('a pause saves up no more than a burst of 50 ms', () => {
  const budget = new ByteBudget(1000, 0);
  expect(budget.take(1_000_000, 10_000)).toBe(50);
  expect(budget.waitMs(1_000_000, 10_000)).toBe(50);
});

test('a budget of one byte a second still passes a byte', () => {
  const budget = new ByteBudget(1, 0);
  expect(budget.waitMs(5, 0)).toBe(1000);
  expect(budget.take(5, 999)).toBe(0);
  expect(budget.take(5, 1000)).toBe(1);
});

test('never more bytes pass than the rate and one burst allow, and a waiter that waits gets bytes', () => {
  const steps = fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 100_000 })), { maxLength: 50 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), steps, (rate, takes) => {
      const budget = new ByteBudget(rate, 0);
      let nowMs = 0;
      let taken = 0;
      for (const [pauseMs, wanted] of takes) {
        nowMs += pauseMs;
        taken += budget.take(wanted, nowMs);
        expect(taken).toBeLessThanOrEqual((rate * nowMs) / 1000 + 1e-6);
        nowMs += Math.ceil(budget.waitMs(wanted, nowMs)) + 1;
        const next = budget.take(wanted, nowMs);
        expect(next).toBeGreaterThan(0);
        taken += next;
      }
    }),
  );
});
