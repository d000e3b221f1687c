/** The tail in memory: bounded per log, over all logs, by what buffers keep alive, and by age. */
import { BatchHeader, readBatchHeader } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { TailCache } from '../src/index.ts';
import { Tail } from '../src/tail-cache.ts';
import { append, batch, NOW, openLog } from './support.ts';

const HEADER = new BatchHeader();

function at(baseOffset: number, valueBytes = 100): Uint8Array {
  return batch(1, { baseOffset, valueBytes });
}

function offsets(tail: Tail, from: number, to: number): number[] | undefined {
  return tail.read(from, to, 1e9, true, HEADER)?.chunks.map((bytes) => readBatchHeader(bytes).baseOffset);
}

test('a log keeps its last bytes, and always the last batch', () => {
  const tail = new Tail(new TailCache({ perLogBytesMax: 500 }));
  for (let i = 0; i < 10; i++) tail.add(at(i), i, i + 1, NOW);
  expect(tail.sizeBytes).toBeLessThanOrEqual(500);
  const start = tail.startOffset!;
  expect(start).toBeGreaterThan(5);
  expect(offsets(tail, start, 10)).toEqual(Array.from({ length: 10 - start }, (_, i) => start + i));
  expect(offsets(tail, start - 1, 10)).toBeUndefined();
  tail.add(at(10, 5000), 10, 11, NOW);
  expect(tail.startOffset).toBe(10);
});

test('all logs together: the oldest bytes go first, whosever they are', () => {
  const cache = new TailCache({ totalBytesMax: 2000 });
  const a = new Tail(cache);
  const b = new Tail(cache);
  a.add(at(0), 0, 1, NOW);
  for (let i = 0; i < 50; i++) {
    b.add(at(i), i, i + 1, NOW);
    expect(cache.heldBytes).toBeLessThanOrEqual(2000);
  }
  expect(a.startOffset).toBeUndefined();
  expect(b.startOffset).toBeGreaterThan(30);
});

test('a small batch in a large buffer counts as the buffer, once', () => {
  const cache = new TailCache({ totalBytesMax: 100_000 });
  const tail = new Tail(cache);
  const buffer = new Uint8Array(60_000);
  const one = at(0);
  buffer.set(one, 0);
  buffer.set(at(1), one.length);
  tail.add(buffer.subarray(0, one.length), 0, 1, NOW);
  tail.add(buffer.subarray(one.length, one.length * 2), 1, 2, NOW);
  expect(cache.heldBytes).toBe(60_000);
  tail.add(new Uint8Array(60_000).subarray(0, 100), 2, 3, NOW);
  expect(cache.heldBytes).toBe(60_000);
  tail.clear();
  expect([cache.heldBytes, tail.sizeBytes]).toEqual([0, 0]);
});

test('an idle log holds nothing after a while', () => {
  const tails = new TailCache({ ageMaxMs: 1000 });
  const idle = openLog({ tails });
  append(idle, batch(1));
  append(openLog({ tails }), batch(1), 0, NOW + 900);
  expect(idle.tailBytes).toBeGreaterThan(0);
  append(openLog({ tails }), batch(1), 0, NOW + 1001);
  expect(idle.tailBytes).toBe(0);
  tails.expire(NOW + 5000);
  expect(tails.heldBytes).toBe(0);
});

test('a truncation takes its part, and keeps what lies before', () => {
  const tail = new Tail(new TailCache());
  for (let i = 0; i < 5; i++) tail.add(at(i), i, i + 1, NOW);
  tail.truncate(3);
  expect(offsets(tail, 0, 10)).toEqual([0, 1, 2]);
  tail.add(at(3), 3, 4, NOW);
  expect(offsets(tail, 1, 10)).toEqual([1, 2, 3]);
});
