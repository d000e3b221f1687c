import { expect, test } from 'vitest';
import { joinedBatches } from '../src/index.ts';

test('batches are joined as long as they follow each other in one epoch', () => {
  const batches = [
    { baseOffset: 5, epoch: 1, records: ['a', 'b'] },
    { baseOffset: 7, epoch: 1, records: ['c'] },
    // The quorum has a record of its own at offset 8, between the two batches.
    { baseOffset: 9, epoch: 1, records: ['d'] },
    { baseOffset: 10, epoch: 2, records: ['e'] },
    { baseOffset: 11, epoch: 2, records: ['f', 'g'] },
  ];
  expect(joinedBatches(batches)).toEqual([
    { baseOffset: 5, epoch: 1, records: ['a', 'b', 'c'] },
    { baseOffset: 9, epoch: 1, records: ['d'] },
    { baseOffset: 10, epoch: 2, records: ['e', 'f', 'g'] },
  ]);
  expect(batches[0]!.records).toEqual(['a', 'b']);
  expect(joinedBatches([])).toEqual([]);
});
