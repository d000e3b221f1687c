/**
 * Goal: no answer of Millrace differs from Apache Kafka's without a justification. Method: the first test
 * does the same as `npm run compare:wire`, but only with the newest version of each form of an API
 * (`telltaleVersions`). A second test shows that the comparison finds planted differences.
 */
import { expect, test } from 'vitest';
import { isMissing } from '../clients/round-trip.ts';
import { compareWire, telltaleVersions } from './compare.ts';
import { differencesOf } from './difference.ts';
import { reportOf } from './report.ts';
import { withSides } from './sides.ts';
import { makeWorld } from './world.ts';

test.skipIf(isMissing('java'))('Millrace answers odd requests as Apache Kafka does', async () => {
  const { cases, found } = await withSides({}, async (ours, peer) => {
    const worlds = await Promise.all([makeWorld(ours, 'wire'), makeWorld(peer, 'wire')]);
    return compareWire(worlds[0], worlds[1], { versions: telltaleVersions });
  });
  expect(reportOf(found.filter(({ justification }) => justification === undefined))).toBe('');
  expect(cases).toBeGreaterThan(5000);
});

test('compares answers field by field, and matches elements by their names', () => {
  const answer = (value: unknown) => ({ kind: 'answer', value }) as const;
  const topic = (name: string, errorCode: number) => ({ name, errorCode, partitions: [1, 2] });
  const left = answer({ topics: [topic('a', 0), topic('b', 3)], throttleTimeMs: 0 });
  expect(differencesOf(left, answer({ topics: [topic('b', 3), topic('a', 0)], throttleTimeMs: 0 }))).toEqual(
    [],
  );
  expect(differencesOf(left, answer({ topics: [topic('a', 6), topic('c', 3)], throttleTimeMs: 0 }))).toEqual([
    { path: 'topics{a}.errorCode', ours: '0 NONE', peer: '6 NOT_LEADER_OR_FOLLOWER' },
    { path: 'topics{b}', ours: 'present', peer: 'absent' },
    { path: 'topics{c}', ours: 'absent', peer: 'present' },
  ]);
  expect(differencesOf(left, { kind: 'closed' })).toEqual([{ path: '', ours: 'answer 0 3', peer: 'closed' }]);
  expect(differencesOf({ kind: 'silence' }, { kind: 'silence' })).toEqual([]);
});
