/** Requests that find, list, describe and delete groups. */
import { ids } from '../mutations.ts';
import type { Struct } from '../raw.ts';
import { enclosures, type SetUp } from '../set-ups.ts';
import type { ApiCases, SpecialCase } from './api-cases.ts';
import { oddGroups } from './odd-groups.ts';

const MANY_KEYS_SINCE = 4;
const STATES_SINCE = 4;
const TYPES_SINCE = 5;

/** Up to version 3, a request has one key. From version 4 on, it has a list of keys. */
function coordinatorOf(...keys: readonly string[]): Struct {
  return { key: keys[0] ?? '', keyType: 0, coordinatorKeys: keys };
}

export const findCoordinator: ApiCases = {
  base: () => coordinatorOf('{group}'),
  special: [
    ...oddGroups.map(({ name, text }) => ({
      name: `group id ${name}`,
      value: () => coordinatorOf(`${text}{group}`),
    })),
    {
      name: 'two keys',
      value: (_, version) => (version < MANY_KEYS_SINCE ? undefined : coordinatorOf('{group}', 'other')),
    },
    {
      name: 'a share partition',
      value: () => ({
        ...coordinatorOf(`{group}:${ids.unknown}:0`),
        keyType: 2,
      }),
    },
  ],
};

const listing = (name: string, since: number, more: Struct): SpecialCase => ({
  name,
  value: (_, version) => (version < since ? undefined : { statesFilter: [], typesFilter: [], ...more }),
});

const states = [
  'PreparingRebalance',
  'CompletingRebalance',
  'Stable',
  'Empty',
  'Dead',
  'Assigning',
  'Reconciling',
  'NotReady',
  'Unknown',
  'sTaBLe',
  ' Stable\t',
  'preparing_rebalance',
  'no state',
];
const types = [
  'classic',
  'consumer',
  'share',
  'streams',
  'unknown',
  'CLASSIC',
  'Consumer',
  ' consumer ',
  'no type',
];

export const listGroups: ApiCases = {
  base: () => ({ statesFilter: ['Stable'], typesFilter: ['consumer'] }),
  setUp: 'zoo',
  readsOnly: true,
  special: [
    listing('all', 0, {}),
    ...states.map((state) => listing(`state '${state}'`, STATES_SINCE, { statesFilter: [state] })),
    ...types.map((type) => listing(`type '${type}'`, TYPES_SINCE, { typesFilter: [type] })),
    listing('two states', STATES_SINCE, { statesFilter: ['Empty', 'stable'] }),
    listing('a state and one that is none', STATES_SINCE, { statesFilter: ['Empty', 'none'] }),
    listing('two types', TYPES_SINCE, { typesFilter: ['classic', 'consumer'] }),
    listing('a type and one that is none', TYPES_SINCE, { typesFilter: ['classic', 'none'] }),
    listing('empty classic groups', TYPES_SINCE, { statesFilter: ['Empty'], typesFilter: ['classic'] }),
  ],
};

const describing = (name: string, ...groups: readonly string[]): SpecialCase => ({
  name,
  value: () => ({ groups, groupIds: groups, includeAuthorizedOperations: true }),
});

const names = Object.keys(enclosures);
const descriptions: readonly SpecialCase[] = [
  ...names.map((name) => describing(`a group: ${name}`, `{${name}}`)),
  describing('an unknown group', '{group}-unknown'),
  describing('the empty group id', ''),
  describing('no groups'),
  describing('a group twice', '{stable}', '{stable}'),
  describing('all', ...names.map((name) => `{${name}}`)),
  describing('a known group and an unknown one', '{consumer}', '{stable}', '{group}-unknown'),
  {
    name: 'without operations',
    value: () => ({
      groups: ['{stable}'],
      groupIds: ['{consumer}'],
      includeAuthorizedOperations: false,
    }),
  },
];

export const describeGroups: ApiCases = {
  base: () => ({ groups: ['{stable}'], includeAuthorizedOperations: true }),
  setUp: 'zoo',
  readsOnly: true,
  special: descriptions,
};

export const consumerGroupDescribe: ApiCases = {
  base: () => ({ groupIds: ['{consumer}'], includeAuthorizedOperations: true }),
  setUp: 'zoo',
  readsOnly: true,
  special: descriptions,
};

const deleting = (name: string, setUp: SetUp, ...groupsNames: readonly string[]): SpecialCase => ({
  name,
  setUp,
  value: () => ({ groupsNames: groupsNames.length === 0 ? ['{group}'] : groupsNames }),
});

export const deleteGroups: ApiCases = {
  base: () => ({ groupsNames: ['{group}'] }),
  setUp: 'simple',
  special: [
    deleting('stable', 'stable'),
    deleting('joined', 'joined'),
    deleting('rebalancing', 'rebalancing'),
    deleting('pending', 'pending'),
    deleting('static', 'static'),
    deleting('left', 'left'),
    deleting('left, with offsets', 'leftCommitted'),
    deleting('consumer', 'consumer'),
    deleting('consumer: an instance that left for a while', 'consumerStaticLeft'),
    deleting('mixed', 'mixed'),
    deleting('empty consumer', 'consumerEmpty'),
    deleting('unknown group', 'fresh'),
    deleting('the empty group id', 'fresh', ''),
    deleting('twice', 'simple', '{group}', '{group}'),
    deleting('a known group and an unknown one', 'simple', '{group}', '{group}-unknown'),
    deleting('a group that cannot be deleted, and an unknown one', 'stable', '{group}', '{group}-unknown'),
  ],
};
