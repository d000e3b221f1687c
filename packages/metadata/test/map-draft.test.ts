import { Map as ImmutableMap } from 'immutable';
import { expect, test } from 'vitest';
import { MapDraft } from '../src/map-draft.ts';

const original = ImmutableMap<string, number>({ a: 1, b: 2 });

test('close returns the original map if nothing changed', () => {
  const draft = new MapDraft(original);
  expect([draft.get('a'), draft.has('b'), draft.has('c')]).toEqual([1, true, false]);
  expect(draft.close()).toBe(original);
  draft.delete('c');
  expect(draft.close()).toBe(original);
});

test('a changed draft reads its own changes and leaves the original as it was', () => {
  const draft = new MapDraft(original);
  draft.set('a', 3);
  draft.delete('b');
  expect([draft.get('a'), draft.has('b')]).toEqual([3, false]);
  expect(draft.close().toObject()).toEqual({ a: 3 });
  expect(original.toObject()).toEqual({ a: 1, b: 2 });
});
