import { expect, test } from 'vitest';
import { Goals, percentileOf } from './goals.ts';

test('a goal is reached at its limit', () => {
  const goals = new Goals();
  goals.add({ title: 'ratio', unit: 'x', atLeast: 0.7 }, 0.7);
  goals.add({ title: 'time', unit: 'ms', atMost: 300 }, 300);
  const { text, missed } = goals.summary();
  expect(missed).toEqual([]);
  expect(text).toMatch(/ratio +x +0\.70 +0\.70 +0\.70 +>= 0\.7 +yes +1/);
  expect(text).toMatch(/time +ms +300 +300 +300 +<= 300 +yes +1/);
});

test('judges the median, and shows the extremes', () => {
  const goals = new Goals();
  for (const value of [0.9, 0.1, 0.8]) goals.add({ title: 'ratio', unit: 'x', atLeast: 0.7 }, value);
  const { text, missed } = goals.summary();
  expect(missed).toEqual([]);
  expect(text).toMatch(/ratio +x +0\.80 +0\.10 +0\.90 +>= 0\.7 +yes +3/);
});

test('names what misses its goal', () => {
  const goals = new Goals();
  goals.add({ title: 'ratio', unit: 'x', atLeast: 0.7 }, 0.69);
  goals.add({ title: 'time', unit: 'ms', atMost: 300 }, 301);
  goals.add({ title: 'size', unit: 'KB' }, 1);
  expect(goals.summary().missed).toEqual(['ratio', 'time']);
});

test('a value that is no number misses its goal', () => {
  const goals = new Goals();
  goals.add({ title: 'low', unit: 'ms', atMost: 300 }, Number.NaN);
  goals.add({ title: 'high', unit: 'x', atLeast: 1 }, Number.NaN);
  expect(goals.summary().missed).toEqual(['low', 'high']);
});

test('a percentile is the smallest value that this share of all values does not exceed', () => {
  const values = Array.from({ length: 1000 }, (_unused, index) => 1000 - index);
  expect(percentileOf(values, 0.5)).toBe(500);
  expect(percentileOf(values, 0.99)).toBe(990);
  expect(percentileOf(values, 0.999)).toBe(999);
  expect(percentileOf(values, 1)).toBe(1000);
  expect(percentileOf([7], 0.999)).toBe(7);
  expect(percentileOf([], 0.5)).toBeNaN();
});
