import { Prng } from '@millrace/base';
import { expect, it } from 'vitest';
import { newMemberId } from '../src/classic/member-id.ts';
import { admitted } from '../src/groups/door.ts';
import { shortened } from '../src/limits.ts';

it('keeps the first 255 characters of a text', () => {
  expect(shortened('x'.repeat(255))).toBe('x'.repeat(255));
  expect(shortened('x'.repeat(256))).toBe('x'.repeat(255));
  expect(shortened(`${'x'.repeat(254)}\u{1f600}`)).toBe('x'.repeat(254));
  expect(shortened(`${'x'.repeat(253)}\u{1f600}y`)).toBe(`${'x'.repeat(253)}\u{1f600}`);
});

it('gives two members with the same long prefix different ids that fit', () => {
  const random = new Prng(1);
  const [a, b] = ['a', 'b'].map((end) => newMemberId('\ufffd'.repeat(10_900) + end, random));
  expect(a).toHaveLength(255 + 37);
  expect(a).not.toBe(b);
});

it('cuts a long client id, and leaves the rest of the call', () => {
  const call = { version: 3, client: { clientId: 'c'.repeat(300), clientHost: '/h' } };
  expect(admitted(call)).toEqual({ version: 3, client: { clientId: 'c'.repeat(255), clientHost: '/h' } });
});
