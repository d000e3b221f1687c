/** Goal: a worker's message can move the bytes of each answer, without a copy on the event loop. */
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { KEY_WORDS } from '../../src/cleaner/index-keys.ts';
import { cleanerJobs } from '../../src/cleaner/jobs.ts';
import { filterOptions, keyed, mapOf } from '../support/cleaning.ts';
import { concat } from '../support/logs.ts';

const { indexKeys, cleanBatches } = cleanerJobs(compressionCodecs);

test('the keys of a job have memory of their own', () => {
  for (const count of [1, 1000, 1024, 1025, 3000]) {
    const batches = keyed(Array.from({ length: count }, (_, index) => `key-${index}=value`));
    const { value, bytes } = indexKeys.run(batches, { fromOffset: 0 });
    expect(value).toBeUndefined();
    expect([bytes.length, bytes.buffer.byteLength]).toEqual(Array(2).fill(4 * KEY_WORDS * count));
  }
});

test('the cleaned batches of a job have memory of their own', () => {
  const old = keyed(['a=1', 'b=1'], { baseOffset: 0 });
  const newer = keyed(['a=2', 'b=2'], { baseOffset: 2 });
  const batches = concat([old, newer]);
  const { value, bytes } = cleanBatches.run(batches, filterOptions(mapOf(batches)));
  expect(value).toMatchObject({ recordsKept: 2, recordsDropped: 2, isChanged: true });
  expect(bytes).toEqual(newer);
  expect(bytes.buffer.byteLength).toBe(bytes.length);
});
