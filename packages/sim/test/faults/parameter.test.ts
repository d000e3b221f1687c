/** Goal: the parameters of every fault are plain JSON that can be printed, checked and made smaller. */
import { Prng } from '@millrace/base';
import { expect, test } from 'vitest';
import { faultKinds } from '../../src/faults/index.ts';
import {
  chance,
  choice,
  chosen,
  drawValues,
  duration,
  oneOf,
  type Parameter,
  whole,
} from '../../src/faults/parameter.ts';

const all = faultKinds.flatMap(({ name, parameters }) =>
  Object.entries(parameters).map(([parameter, one]) => [`${name} ${parameter}`, one] as const),
);

test.each(all)(
  '%s: each drawn value is allowed JSON, and becomes less until it is the least',
  (_name, one) => {
    for (let seed = 0; seed < 50; seed++) {
      let value = one.draw(new Prng(seed));
      expect(one.draw(new Prng(seed))).toEqual(value);
      expect(JSON.parse(JSON.stringify(value))).toEqual(value);
      for (let steps = 0; ; steps++) {
        expect(one.isAllowed(value), `${JSON.stringify(value)} is ${one.allows}`).toBe(true);
        expect(steps, 'it ends').toBeLessThan(64);
        const next = one.less(value).at(-1);
        if (next === undefined) break;
        value = next;
      }
    }
  },
);

test.each<[string, Parameter, unknown[], unknown[]]>([
  ['whole', whole(2, 5), [2, 5], [1, 6, 2.5, '3', null, undefined]],
  ['duration', duration(), [1, 600_000], [0, 600_001, -1]],
  ['oneOf', oneOf('a', 'b'), ['a', 'b'], ['c', 1, null]],
  ['chance', chance(2), [true, false], [0, 'true', null]],
  ['choice', choice(), [0, 2 ** 32 - 1], [2 ** 32, -1, 0.5]],
])('%s allows its values and refuses others', (_name, one, good, bad) => {
  expect(good.filter((value) => !one.isAllowed(value))).toEqual([]);
  expect(bad.filter((value) => one.isAllowed(value))).toEqual([]);
});

test('`less` begins with the least value', () => {
  expect(whole(1, 100).less(100)).toEqual([1, 50]);
  expect(whole(1, 100).less(2)).toEqual([1]);
  expect(whole(1, 100).less(1)).toEqual([]);
  expect(oneOf('EIO', 'EIO', 'EROFS').less('EROFS')).toEqual(['EIO']);
  expect(chance(2).less(true)).toEqual([false]);
});

test('a new parameter does not change the draws of the other parameters', () => {
  const first = drawValues({ a: whole(0, 1e6) }, new Prng(7));
  expect(drawValues({ b: choice(), a: whole(0, 1e6) }, new Prng(7))).toMatchObject(first);
});

test('a choice takes an element of any list, and nothing from an empty list', () => {
  expect(chosen(['x', 'y', 'z'], 4)).toBe('y');
  expect(chosen([], 4)).toBeUndefined();
});
