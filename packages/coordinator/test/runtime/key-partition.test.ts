/** Goal: a key has the same partition as in Kafka. */
import { expect, test } from 'vitest';
import { keyPartition } from '../../src/index.ts';

test.each([
  ['', 0],
  ['test-group', 627_841_412 % 50],
  ['my-group', 1_906_497_762 % 50],
  ['tx-1', 20],
  // A surrogate pair counts as two code units.
  ['\u{1f600}', 1_772_899 % 50],
  // The hash is -2^31. Its absolute value does not fit into a signed 32-bit number.
  ['polygenelubricants', 0],
])('the key %j is in partition %i of 50', (key, partition) => {
  expect(keyPartition(key, 50)).toBe(partition);
});

test('a negative hash is replaced by its absolute value', () => {
  // Java computes hash * 31 + unit in 32 bits for each code unit. The loop below does so with big integers.
  for (const key of ['group-0000001', 'zzzzzzzz', 'äöü', 'a much longer name of a group, with spaces']) {
    let hash = 0n;
    for (const unit of key.split('')) hash = BigInt.asIntN(32, hash * 31n + BigInt(unit.charCodeAt(0)));
    expect(keyPartition(key, 7)).toBe(Number((hash < 0n ? -hash : hash) % 7n));
  }
});
