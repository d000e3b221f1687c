import { expect, it } from 'vitest';
import { ByPartition } from '../src/by-partition.ts';
import { NEW, OLD } from './support/histories.ts';

it('keeps facts by the topic id where it is known, and by the name where it is not', () => {
  const facts = new ByPartition<string>();
  const place = { topic: 't', partition: 1 };
  facts.set({ ...place, topicId: OLD }, 'old');
  facts.set({ ...place, topicId: undefined }, 'hidden');
  expect(facts.get({ ...place, topic: 'other', topicId: OLD })).toBe('old');
  expect(facts.get({ ...place, topicId: NEW })).toBeUndefined();
  expect(facts.ensure({ ...place, topicId: undefined }, () => 'made')).toBe('hidden');
  expect(facts.ensure({ ...place, topicId: NEW }, () => 'made')).toBe('made');
  expect([...facts.values()]).toEqual(['old', 'hidden', 'made']);
});
