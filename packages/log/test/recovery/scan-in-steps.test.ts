/**
 * Goal: a scan in steps reports what a scan in one turn reports. Method: random batches, with damage at a
 * random byte, a random cut and a visitor that stops at a random batch.
 */
import { MemoryDisk } from '@millrace/base/testing';
import { BATCH_HEADER_BYTES } from '@millrace/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RECOVERY_STEP_BYTES } from '../../src/limits.ts';
import { scanInSteps } from '../../src/recovery/scan-in-steps.ts';
import { runToEnd } from '../../src/recovery/steps.ts';
import { scanBatches, type Visit } from '../../src/segment/batch-scan.ts';
import { batch, concat } from '../support/logs.ts';

const PATH = '/data/file';

function fileOf(bytes: Uint8Array): MemoryDisk {
  const disk = new MemoryDisk();
  disk.makeDirectory('/data');
  disk.writeFileAtomic(PATH, bytes);
  return disk;
}

/** The base offsets, positions and headers that a scan visits. The visitor stops at the batch `stopAt`. */
function visitor(stopAt: number): { seen: string[]; visit: Visit } {
  const seen: string[] = [];
  return {
    seen,
    visit: (header, position, bytes, at) => {
      if (seen.length === stopAt) return true;
      seen.push(`${header.baseOffset}@${position}:${bytes.subarray(at, at + BATCH_HEADER_BYTES).join()}`);
      return false;
    },
  };
}

test('a scan in steps sees the same batches and the same damage', () => {
  const sizes = fc.array(fc.constantFrom(10, 1_000, 60_000, RECOVERY_STEP_BYTES), { maxLength: 12 });
  const property = fc.property(
    sizes,
    fc.option(fc.nat()),
    fc.option(fc.nat()),
    fc.boolean(),
    fc.constantFrom(3, 99),
    (valueBytes, damageAt, cutAt, checkCrc, stopAt) => {
      let bytes = concat(valueBytes.map((size, index) => batch(1, { valueBytes: size, baseOffset: index })));
      if (damageAt !== null && bytes.length > 0) bytes[damageAt % bytes.length]! ^= 0x55;
      if (cutAt !== null && bytes.length > 0) bytes = bytes.slice(0, cutAt % bytes.length);
      const file = fileOf(bytes).open(PATH);
      const o = { from: 0, to: bytes.length, checkCrc, minimumOffset: 0 };
      const whole = visitor(stopAt);
      const sliced = visitor(stopAt);
      const expected = scanBatches(file, { ...o, windowBytes: RECOVERY_STEP_BYTES }, whole.visit);
      expect(runToEnd(scanInSteps(() => file, o, sliced.visit))).toEqual(expected);
      expect(sliced.seen).toEqual(whole.seen);
    },
  );
  fc.assert(property, { numRuns: 60 });
});

test('a step reads a window, and asks for the checksums of the whole batches in it', () => {
  const bytes = concat([0, 1, 2, 3].map((baseOffset) => batch(1, { valueBytes: 200_000, baseOffset })));
  const file = fileOf(bytes).open(PATH);
  const o = { from: 0, to: bytes.length, checkCrc: true, minimumOffset: 0 };
  const steps = scanInSteps(() => file, o, visitor(99).visit);
  const work: number[] = [];
  for (let next = steps.next(); next.done !== true; next = steps.next(undefined)) {
    expect(next.value.batches?.length).toBe(next.value.workBytes);
    work.push(next.value.workBytes);
  }
  expect(work[0]).toBe(RECOVERY_STEP_BYTES);
  expect(work).toHaveLength(2);
});
