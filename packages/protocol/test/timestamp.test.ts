/**
 * Goal: each int64 has one form as a timestamp, sums wrap like Kafka's longs, and the order is exact. Method:
 * comparison with bigint arithmetic.
 */
import {
  addTimestamps,
  timestampHigh,
  timestampLow,
  timestampOfWords,
  wrapTimestamp,
} from '@millrace/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const long = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.maxSafeInteger().map(BigInt),
  fc.constantFrom(
    2n ** 53n - 1n,
    2n ** 53n,
    -(2n ** 53n),
    1n - 2n ** 53n,
    2n ** 63n - 1n,
    -(2n ** 63n),
    -1n,
    0n,
  ),
);

test('two words make the same timestamp again; a timestamp is a number if that is a safe integer, else a bigint', () => {
  fc.assert(
    fc.property(long, (value) => {
      const timestamp = wrapTimestamp(value);
      expect(typeof timestamp === 'number').toBe(Number.isSafeInteger(Number(value)));
      expect(BigInt(timestamp)).toBe(value);
      expect(timestampOfWords(timestampHigh(timestamp), timestampLow(timestamp))).toBe(timestamp);
    }),
  );
});

test('sums wrap, and the order is that of the int64 values', () => {
  fc.assert(
    fc.property(long, long, (a, b) => {
      const sum = addTimestamps(wrapTimestamp(a), wrapTimestamp(b));
      expect(sum).toBe(wrapTimestamp(BigInt.asIntN(64, a + b)));
      expect(wrapTimestamp(a) < wrapTimestamp(b)).toBe(a < b);
      expect(wrapTimestamp(a) === wrapTimestamp(b)).toBe(a === b);
    }),
  );
});
