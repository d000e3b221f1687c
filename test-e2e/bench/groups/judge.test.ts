import { expect, test } from 'vitest';
import { Judgement, type Measure, ratioOf } from './judge.ts';
import { Latencies } from './latencies.ts';

const names = ['Millrace', 'Kafka'] as const;
const settle: Measure = { title: 'settle', unit: 'ms', value: 0, better: 'lower', isJudged: true };

function judged(measure: Omit<Measure, 'value'>, ours: readonly number[], peers: readonly number[]) {
  const judgement = new Judgement();
  for (const value of ours) judgement.add(0, { ...measure, value });
  for (const value of peers) judgement.add(1, { ...measure, value });
  return judgement.summary(names);
}

test('a ratio above 1 means that Millrace is better', () => {
  expect(ratioOf({ better: 'lower' }, 10, 20)).toBe(2);
  expect(ratioOf({ better: 'higher' }, 10, 20)).toBe(0.5);
  expect(ratioOf({ better: 'lower' }, 0, 20)).toBeUndefined();
  expect(ratioOf({ better: 'lower' }, 10, undefined)).toBeUndefined();
});

test('compares medians', () => {
  const { text, missed } = judged(settle, [10, 1000, 11], [20, 22, 2]);
  expect(missed).toEqual([]);
  expect(text).toMatch(/settle +ms +11 +20 +1\.82 +>= 1\.5x +yes +3\/3/);
});

test('names the measures that miss the goal', () => {
  expect(judged(settle, [10], [14]).missed).toEqual(['settle']);
  expect(judged({ ...settle, isJudged: false }, [10], [14]).missed).toEqual([]);
});

test('judges a limit even if the peer has no value', () => {
  const lost: Omit<Measure, 'value'> = { title: 'lost', unit: '', better: 'lower', limit: 0 };
  expect(judged(lost, [0], []).missed).toEqual([]);
  expect(judged(lost, [1], []).missed).toEqual(['lost']);
  expect(judged(lost, [Number.NaN], []).missed).toEqual(['lost']);
});

test('does not judge a ratio if one of the two values is missing', () => {
  expect(judged(settle, [10], []).text).toMatch(/settle +ms +10 +- +- +>= 1\.5x +- +1\/0/);
});

test('finds percentiles', () => {
  const latencies = new Latencies();
  expect(latencies.percentile(0.5)).toBeNaN();
  for (let ms = 1; ms <= 1000; ms++) latencies.record(ms);
  for (const [share, ms] of [
    [0.5, 500],
    [0.99, 990],
    [1, 1000],
  ] as const) {
    expect(latencies.percentile(share)).toBeGreaterThanOrEqual(ms);
    expect(latencies.percentile(share)).toBeLessThan(ms * 1.016);
  }
});

test('counts latencies below the first bucket', () => {
  const latencies = new Latencies();
  latencies.record(0);
  expect(latencies.count).toBe(1);
  expect(latencies.percentile(0.99)).toBeCloseTo(0.01);
});
