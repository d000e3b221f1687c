import { Prng } from '@millrace/base';
import { expect, it } from 'vitest';
import { newMemberId } from '../src/classic/member-id.ts';
import { admitted } from '../src/groups/door.ts';
import { fitsRecord, shortened } from '../src/limits.ts';

it.each([
  ['x', 32_767],
  ['ü', 16_383],
  ['\ufffd', 10_922],
  ['\u{1f600}', 8_191],
])('a record holds 32,767 bytes of text: %s %i times', (character, times) => {
  expect(fitsRecord(character.repeat(times))).toBe(true);
  expect(fitsRecord(character.repeat(times + 1))).toBe(false);
});

it('keeps the first 255 characters of a text', () => {
  expect(shortened('x'.repeat(255))).toBe('x'.repeat(255));
  expect(shortened('x'.repeat(256))).toBe('x'.repeat(255));
  expect(shortened(`${'x'.repeat(254)}\u{1f600}`)).toBe('x'.repeat(254));
  expect(shortened(`${'x'.repeat(253)}\u{1f600}y`)).toBe(`${'x'.repeat(253)}\u{1f600}`);
});

it('members whose long client ids differ only at the end get different member ids that fit', () => {
  const random = new Prng(1);
  const [a, b] = ['a', 'b'].map((end) => newMemberId('\ufffd'.repeat(10_900) + end, random));
  expect(a).toHaveLength(255 + 37);
  expect(a).not.toBe(b);
});

it('shortens a long client id, and leaves the rest of the call as it is', () => {
  const call = { version: 3, client: { clientId: 'c'.repeat(300), clientHost: '/h' } };
  expect(admitted(call)).toEqual({ version: 3, client: { clientId: 'c'.repeat(255), clientHost: '/h' } });
});
