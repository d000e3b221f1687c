import { expect, test } from 'vitest';
import { matchesFilters } from '../../src/groups/listing.ts';

const group = { groupId: 'g', protocolType: 'consumer', groupState: 'Stable', groupType: 'classic' };

test.each([
  [[], [], true],
  [['Stable'], [], true],
  [['sTABLE', 'Empty'], [], true],
  [['Empty'], [], false],
  [[], ['Classic'], true],
  [[], ['consumer'], false],
  [['Stable'], ['consumer'], false],
  [['no such state'], [], false],
  [[' Stable\t'], [], true],
  [[], [' classic'], false],
])('states %j and types %j: %s', (statesFilter, typesFilter, matches) => {
  expect(matchesFilters(group, { statesFilter, typesFilter })).toBe(matches);
});
