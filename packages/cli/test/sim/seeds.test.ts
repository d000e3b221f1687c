import { expect, test } from 'vitest';
import { parseSeed, parseSeeds, SEED_MAX, seedsOf } from '../../src/sim/seeds.ts';

test.each([
  ['0', 0],
  ['4294967295', SEED_MAX],
  ['4294967296', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['', undefined],
  ['0x10', undefined],
])('seed %j', (text, seed) => {
  expect(parseSeed(text)).toBe(seed);
});

test.each([
  ['1..20000', { from: 1, to: 20_000 }],
  ['7..7', { from: 7, to: 7 }],
  ['5..', { from: 5, to: undefined }],
  ['9..3', undefined],
  ['..3', undefined],
  ['3', undefined],
  ['1...3', undefined],
  ['1..4294967296', undefined],
])('seeds %j', (text, range) => {
  expect(parseSeeds(text)).toEqual(range);
});

test('a range includes both ends', () => {
  expect([...seedsOf({ from: 3, to: 5 })]).toEqual([3, 4, 5]);
  expect([...seedsOf({ from: SEED_MAX - 1, to: undefined })]).toEqual([SEED_MAX - 1, SEED_MAX]);
});
