import { expect, test } from 'vitest';
import { groupFilter } from '../../src/groups/listing.ts';

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
  expect(groupFilter({ statesFilter, typesFilter })(group)).toBe(matches);
});

test('many filters are read once, not again for each group', () => {
  let reads = 0;
  const counted = { trim: () => ({ toLowerCase: () => String(reads++) }) } as unknown as string;
  const matches = groupFilter({ statesFilter: Array.from({ length: 100 }, () => counted), typesFilter: [] });
  for (let i = 0; i < 50; i++) expect(matches(group)).toBe(false);
  expect(reads).toBe(100);
});
