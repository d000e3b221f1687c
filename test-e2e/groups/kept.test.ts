/**
 * Goal: `couldStay` knows how many partitions can stay with their members, and `repeated` repeats a run with
 * the right faults.
 */
import { expect, test } from 'vitest';
import { couldStay, type Kept, movedFault, pauseFault, repeated } from './kept.ts';

const kept = (partitions: number, longestMs = 100): Kept => ({
  event: 'kill',
  partitions,
  couldStay: 8,
  longestMs,
});

test.each([
  ['join', 3, 9],
  ['leave', 3, 8],
  ['kill', 2, 6],
  ['static', 3, 8],
  ['grow', 3, 12],
  ['pause', 3, 0],
  ['coordinator', 3, 0],
] as const)('event %s, %i members, 12 partitions: %i could stay', (event, members, stay) => {
  expect(couldStay(event, members, 12)).toBe(stay);
});

test('finds partitions that moved without need, and partitions that stood still too long', () => {
  expect(movedFault([kept(8)])).toBeUndefined();
  expect(movedFault([kept(9), kept(7)])).toBe('kill: 7 partitions did not move; 8 could stay');
  expect(pauseFault([kept(8, 1500)], 100)).toBeUndefined();
  expect(pauseFault([kept(8, 1501)], 100)).toMatch(/stood still for 1501 ms; the limit is 1500 ms/);
  expect(pauseFault([kept(8, 1999)], 1000)).toBeUndefined();
});

test('repeats a run up to two times, and keeps the violations of each try', async () => {
  const runs = [kept(7), kept(7), kept(7), kept(8)].map((one, i) => ({ one, violations: [`run ${i}`] }));
  const fault = ({ one }: { readonly one: Kept }) => movedFault([one]);
  let next = 1;
  const last = await repeated(runs[0]!, fault, async () => runs[next++]!);
  expect(last).toEqual({ one: kept(7), violations: ['run 0', 'run 1', 'run 2'] });
  expect(fault(last)).toBeDefined();
  expect(await repeated(runs[3]!, fault, () => Promise.reject(new Error('repeated')))).toBe(runs[3]);
});
