/** Goal: a consumer takes in only batches that are whole and intact. */
import { expect, test } from 'vitest';
import { wholeBatches } from '../../src/fetch/whole-batches.ts';
import { batchAt, joined } from '../support/batches.ts';

const first = batchAt(10, 3, 'a', 'b');
const second = batchAt(12, 4, 'c');

test('all batches count if they are whole', () => {
  expect(wholeBatches(joined(first, second))).toEqual({
    sizeBytes: first.length + second.length,
    nextOffset: 13,
    lastEpoch: 4,
    damagedAt: undefined,
  });
});

test('a last batch that is cut short does not count', () => {
  for (const bytes of [5, 20, second.length - 1])
    expect(wholeBatches(joined(first, second.subarray(0, bytes)))).toEqual({
      sizeBytes: first.length,
      nextOffset: 12,
      lastEpoch: 3,
      damagedAt: undefined,
    });
  expect(wholeBatches(first.subarray(0, 30))).toMatchObject({ sizeBytes: 0, nextOffset: undefined });
});

test('a damaged batch does not count, nor do those behind it', () => {
  const damaged = second.slice();
  damaged[damaged.length - 1]! ^= 1;
  expect(wholeBatches(joined(first, damaged, second))).toEqual({
    sizeBytes: first.length,
    nextOffset: 12,
    lastEpoch: 3,
    damagedAt: 12,
  });
});
