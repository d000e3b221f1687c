import { partitionForKey } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { Batcher, type GatheredBatch } from '../../src/produce/batcher.ts';

function batches(partition: number | undefined, ...keys: (string | null)[]) {
  const full: string[] = [];
  const batcher = new Batcher({
    topic: 'x',
    partitionCount: 3,
    partition,
    batchBytes: 60,
    first: 0,
    full: ({ partition: at, records }: GatheredBatch) =>
      full.push(`${at}: ${records.map((one) => one.value)}`),
  });
  for (const [index, key] of keys.entries())
    batcher.add({ key: key === null ? null : Buffer.from(key), value: Buffer.from(String(index)) });
  batcher.flush();
  return full;
}

test('records without a key go to one partition after the other', () => {
  expect(batches(undefined, null, null, null, null)).toEqual(['1: 0,3', '2: 1', '0: 2']);
});

test('records with the same key go to the partition that the Java client selects', () => {
  expect(batches(undefined, 'a', 'a')).toEqual([`${partitionForKey(Buffer.from('a'), 3)}: 0,1`]);
});

test('a batch that is full is passed to `full` at once', () => {
  expect(batches(2, null, null, null, null)).toEqual(['2: 0,1,2', '2: 3']);
});
