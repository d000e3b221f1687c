/** Goal: the size of a batch is known exactly before it is built, so that a batch never exceeds the limit. */
import { readRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { batchBytes, DecisionBatch } from '../../src/runtime/decision-batch.ts';
import type { CoordinatorRecord } from '../../src/runtime/machine.ts';

test('the size is exact for keys and values of any length', () => {
  for (const length of [0, 1, 50, 56, 57, 58, 63, 64, 65, 127, 128, 8000, 8191, 8192, 20_000]) {
    const records: CoordinatorRecord[] = [
      { key: new Uint8Array(length), value: new Uint8Array(3) },
      { key: new Uint8Array(3), value: new Uint8Array(length) },
      { key: new Uint8Array(length), value: null },
    ];
    const batch = new DecisionBatch(0, 1);
    batch.add(records, batch.growth(records), 1);
    expect([length, batch.sizeBytes]).toEqual([length, batch.build(1_700_000_000_000).length]);
    expect(batchBytes(records)).toBe(batch.sizeBytes);
  }
});

test('the size is exact for large offset deltas, which need more bytes', () => {
  const batch = new DecisionBatch(0, 0);
  const one: CoordinatorRecord[] = [{ key: new Uint8Array(10), value: new Uint8Array(10) }];
  for (let write = 1; write <= 9000; write++) batch.add(one, batch.growth(one), write);
  const bytes = batch.build(0);
  expect(batch.sizeBytes).toBe(bytes.length);
  expect([...readRecords(bytes, compressionCodecs)]).toHaveLength(9000);
  expect(batch.lastWrite).toBe(9000);
});
