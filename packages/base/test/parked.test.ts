import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ParkedUntilOffset } from '../src/index.ts';

test('each value leaves once, in offset order; values of one offset leave in the order of parking', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), fc.array(fc.nat(25)), (offsets, reached) => {
      const parked = new ParkedUntilOffset<{ offset: number; order: number }>();
      offsets.forEach((offset, order) => {
        parked.park(offset, { offset, order });
      });
      const released = [...reached].sort((a, b) => a - b).map((offset) => parked.release(offset));
      const expected = offsets
        .map((offset, order) => ({ offset, order }))
        .sort((a, b) => a.offset - b.offset || a.order - b.order);
      expect([...released.flat(), ...parked.drain()]).toEqual(expected);
      expect(parked.size).toBe(0);
    }),
  );
});

test('a removed value is not released', () => {
  const parked = new ParkedUntilOffset<string>();
  parked.park(3, 'a');
  parked.park(3, 'b');
  parked.removeWhere((value) => value === 'a');
  expect(parked.release(3)).toEqual(['b']);
});
