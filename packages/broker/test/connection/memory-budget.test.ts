/**
 * Goal: the budget drops stalled connections when other connections wait for memory. Method: a budget with
 * fake connections.
 */
import { expect, test } from 'vitest';
import { type Holder, MemoryBudget } from '../../src/connection/memory-budget.ts';

function holder(stalledSinceMs: number | undefined, dropped: string[], name: string): Holder {
  return {
    heldBytes: 30,
    stalledSinceMs,
    memoryFreed: () => {},
    drop: () => dropped.push(name),
  };
}

test('the budget drops stalled peers that hold decoded requests while a large frame waits', () => {
  const dropped: string[] = [];
  const budget = new MemoryBudget(100, () => {});
  const stalled = holder(0, dropped, 'stalled');
  const waiting = holder(undefined, dropped, 'waiting');
  budget.change(30, 30);
  expect([budget.exhausted, budget.crowded]).toEqual([false, true]);
  budget.dropStalled([stalled, waiting], 10_000, 5_000);
  expect(dropped).toEqual([]);
  budget.wait(waiting);
  expect(budget.isPressed).toBe(true);
  budget.dropStalled([stalled, waiting], 10_000, 5_000);
  expect(dropped).toEqual(['stalled']);
});
