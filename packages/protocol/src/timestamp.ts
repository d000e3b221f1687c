/**
 * Timestamps are int64, and a client may use all 64 bits: for nanoseconds, or for nonsense. Here each value
 * has exactly one form, so that `===` works: a number if that is a safe integer, else a bigint. `<` and `>`
 * between a number and a bigint are exact, too.
 */

/** Milliseconds since 1970 by convention; -1: none. Only the functions below may create one as a bigint. */
export type Timestamp = number | bigint;

/** Kafka's value for "no timestamp". */
export const NO_TIMESTAMP = -1;

/** Makes a timestamp from the two halves of an int64. `high` is signed; `low` may be signed or unsigned. */
export function timestampOfWords(high: number, low: number): Timestamp {
  const value = high * 0x1_0000_0000 + (low >>> 0);
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low >>> 0);
}

/** The timestamp of the lowest 64 bits: int64 arithmetic wraps, as in Kafka. */
export function wrapTimestamp(value: bigint): Timestamp {
  const wrapped = BigInt.asIntN(64, value);
  const number = Number(wrapped);
  return Number.isSafeInteger(number) ? number : wrapped;
}

/** The sum as an int64: beyond 64 bits it wraps, like Kafka's sum of base timestamp and delta. */
export function addTimestamps(a: Timestamp, b: Timestamp): Timestamp {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return wrapTimestamp(BigInt(a) + BigInt(b));
}

/**
 * How much later `a` is than `b`. Exact for real times in milliseconds, approximate beyond the safe integers.
 */
export function timestampDistance(a: Timestamp, b: Timestamp): number {
  return Number(a) - Number(b);
}

/** The high 32 bits, as a signed number. */
export function timestampHigh(value: Timestamp): number {
  return typeof value === 'number' ? Math.floor(value / 0x1_0000_0000) | 0 : Number(value >> 32n);
}

/** The low 32 bits, as a signed number. */
export function timestampLow(value: Timestamp): number {
  return typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value));
}
