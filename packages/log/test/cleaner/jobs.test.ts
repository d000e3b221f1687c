/**
 * Goal: a worker's message can move the bytes of each answer, without a copy on the event loop. The answer is
 * in the given buffer whenever it fits, so that the cleaner can use the buffer again.
 */
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { indexKeys, KEY_WORDS } from '../../src/cleaner/index-keys.ts';
import { cleanerJobs } from '../../src/cleaner/jobs.ts';
import { filterOptions, keyed, mapOf, recordsOf } from '../support/cleaning.ts';
import { concat, splitBatches } from '../support/logs.ts';

const jobs = cleanerJobs(compressionCodecs);

/** A buffer that begins with these batches, with other bytes behind them. */
function bufferOf(batches: Uint8Array, moreBytes = 50): Uint8Array {
  const buffer = new Uint8Array(batches.length + moreBytes).fill(99);
  buffer.set(batches);
  return buffer;
}

test('the keys of a job are in the given buffer, or in memory of their own if they do not fit', () => {
  for (const [count, text] of [
    [1, 'value'],
    [1000, 'a value that is longer than the hash'],
    [1024, ''],
    [1025, ''],
    [3000, ''],
  ] as const) {
    const batches = keyed(Array.from({ length: count }, (_, index) => `${index}=${text}`));
    const buffer = bufferOf(batches);
    const expected = indexKeys(batches, 0, compressionCodecs);
    const { value, bytes } = jobs.indexKeys.run(buffer, { sizeBytes: batches.length, fromOffset: 0 });
    expect(value).toEqual({ keysBytes: 4 * KEY_WORDS * count });
    expect(bytes === buffer).toBe(text !== '');
    expect(bytes.buffer.byteLength).toBe(bytes.length);
    expect(new Int32Array(bytes.buffer, 0, KEY_WORDS * count)).toEqual(expected);
  }
});

test('the cleaned batches of a job are in the given buffer', () => {
  const old = keyed(['a=1', 'b=1'], { baseOffset: 0 });
  const newer = keyed(['a=2', 'b=2'], { baseOffset: 2 });
  const batches = concat([old, newer]);
  const buffer = bufferOf(batches);
  const o = { ...filterOptions(mapOf(batches)), sizeBytes: batches.length };
  const { value, bytes } = jobs.cleanBatches.run(buffer, o);
  expect(value).toEqual({ recordsKept: 2, recordsDropped: 2, isChanged: true, keptBytes: newer.length });
  expect(bytes).toBe(buffer);
  expect(bytes.subarray(0, newer.length)).toEqual(newer);
});

test('batches that become larger than the buffer are in memory of their own', () => {
  // A delete horizon makes the timestamps of the records longer.
  const tombstones = keyed(Array.from({ length: 100 }, (_, index) => `key-${index}`));
  const last = keyed(['z=1'], { baseOffset: 100 });
  const batches = concat([tombstones, last]);
  const o = { ...filterOptions(mapOf(batches)), sizeBytes: batches.length };
  const { value, bytes } = jobs.cleanBatches.run(bufferOf(batches, 0), o);
  expect(value).toMatchObject({ recordsKept: 101, keptBytes: bytes.length });
  expect(bytes.length).toBeGreaterThan(batches.length);
  expect(bytes.buffer.byteLength).toBe(bytes.length);
  expect(splitBatches(bytes).map((one) => recordsOf(one).length)).toEqual([100, 1]);
  expect(splitBatches(bytes)[1]).toEqual(last);
});
