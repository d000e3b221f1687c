import { isUuid } from '@millrace/base';
import { expect, test } from 'vitest';
import { NodeRandom } from '../../src/io/random.ts';

test('numbers are in range and reach every value, and ids have the right form', () => {
  const random = new NodeRandom();
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    const value = random.below(7);
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThan(7);
    seen.add(value);
  }
  expect(seen.size).toBe(7);
  expect(isUuid(random.uuid())).toBe(true);
  expect(random.uuid()).not.toBe(random.uuid());
});
