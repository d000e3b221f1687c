/** Goal: a buffer has one user at a time, and the pool stays small. */
import { FrameReader, SpareBuffers } from '@millrace/protocol';
import { expect, test } from 'vitest';

test('the pool gives a returned buffer to the next caller that needs its size, and to no other', () => {
  const spares = new SpareBuffers();
  const first = spares.take(20_000);
  expect(first.length).toBe(32 << 10);
  expect(spares.take(20_000)).not.toBe(first);
  spares.give(first);
  expect(spares.take(33_000)).not.toBe(first);
  expect(spares.take(1)).not.toBe(first);
  expect(spares.take(32 << 10)).toBe(first);
  expect(spares.take(32 << 10)).not.toBe(first);
});

test('huge buffers have the exact size and are not kept; the pool keeps at most 16 MiB of others', () => {
  const spares = new SpareBuffers();
  const huge = spares.take(3_000_000);
  expect(huge.length).toBe(3_000_000);
  spares.give(huge);
  expect(spares.take(3_000_000)).not.toBe(huge);
  const taken = Array.from({ length: 20 }, () => spares.take(1 << 20));
  for (const buffer of taken) spares.give(buffer);
  const again = Array.from({ length: 20 }, () => spares.take(1 << 20));
  expect(again.filter((buffer) => taken.includes(buffer))).toHaveLength(16);
});

test('give accepts a view; a second call, and foreign memory, change nothing', () => {
  const spares = new SpareBuffers();
  const buffer = spares.take(16 << 10);
  spares.give(buffer.subarray(5, 9));
  spares.give(buffer);
  spares.give(new Uint8Array(16 << 10));
  expect(spares.take(16 << 10)).toBe(buffer);
  expect(spares.take(16 << 10)).not.toBe(buffer);
  expect(spares.take(16 << 10)).not.toBe(buffer);
});

test('with spoils, code that keeps returned memory or a released frame reads garbage', () => {
  const spares = new SpareBuffers({ spoils: true });
  const buffer = spares.take(20_000).fill(7);
  spares.give(buffer.subarray(0, 10));
  expect(new Set(buffer)).toEqual(new Set([0xdd]));

  const reader = new FrameReader(1000, spares.sibling());
  reader.push(Uint8Array.of(0, 0, 0, 2, 1, 2, 0, 0, 0, 4, 3, 4));
  const inOneChunk = reader.next()!;
  reader.release();
  expect([...inOneChunk]).toEqual([0xdd, 0xdd]);
  expect(reader.next()).toBeUndefined();
  reader.push(Uint8Array.of(5, 6));
  const overTwoChunks = reader.next()!;
  expect([...overTwoChunks]).toEqual([3, 4, 5, 6]);
  reader.release();
  expect([...overTwoChunks]).toEqual([0xdd, 0xdd, 0xdd, 0xdd]);
});
