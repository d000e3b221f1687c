/**
 * Goal: `stolenBetween` finds how much time the host took from this machine between two moments. If one of
 * the moments lies between two samples, the whole interval between these samples counts.
 */
import { expect, test } from 'vitest';
import { stolenBetween } from './stolen.ts';

const samples = [
  { wallMs: 1000, stolenMs: 50 },
  { wallMs: 1020, stolenMs: 50 },
  { wallMs: 1400, stolenMs: 420 },
  { wallMs: 1420, stolenMs: 420 },
];

test('time that was stolen between two samples counts in full for a gap that overlaps this interval', () => {
  expect(stolenBetween(samples, 1010, 1410)).toBe(370);
  expect(stolenBetween(samples, 1200, 1300)).toBe(370);
});

test('time that was stolen between two samples does not count for a gap beside this interval', () => {
  expect(stolenBetween(samples, 1000, 1020)).toBe(0);
  expect(stolenBetween(samples, 1400, 1420)).toBe(0);
});

test('no time counts as stolen before the first sample and after the last one', () => {
  expect(stolenBetween(samples, 0, 2000)).toBe(370);
  expect(stolenBetween([], 0, 2000)).toBe(0);
});
