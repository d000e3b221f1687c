/** The check of the checksums that recovery asks for. */
import { expect, test } from 'vitest';
import { recoveryJobs } from '../../src/recovery/jobs.ts';
import { firstWrongChecksum } from '../../src/recovery/steps.ts';
import { batch, concat } from '../support/logs.ts';

const three = () => [0, 1, 2].map((baseOffset) => batch(1, { baseOffset }));

test('the check returns the index of the first batch whose checksum is wrong', () => {
  const [first, second, third] = three();
  expect(firstWrongChecksum(concat([first!, second!, third!]))).toBeUndefined();
  second![second!.length - 1]! ^= 1;
  third![third!.length - 1]! ^= 1;
  expect(firstWrongChecksum(concat([first!, second!, third!]))).toBe(first!.length);
});

test('the check ends at a batch that is not whole, and at bytes that are no batch', () => {
  const [first, second] = three();
  second![second!.length - 1]! ^= 1;
  const bytes = concat([first!, second!]);
  expect(firstWrongChecksum(bytes.subarray(0, bytes.length - 1))).toBeUndefined();
  expect(firstWrongChecksum(concat([first!, new Uint8Array(500)]))).toBeUndefined();
  expect(firstWrongChecksum(new Uint8Array(3))).toBeUndefined();
});

test('the job returns the same index, and no bytes', () => {
  const [first, second] = three();
  second![second!.length - 1]! ^= 1;
  const answer = recoveryJobs.checkBatches.run(concat([first!, second!]), undefined);
  expect(answer).toEqual({ value: first!.length, bytes: new Uint8Array(0) });
});
