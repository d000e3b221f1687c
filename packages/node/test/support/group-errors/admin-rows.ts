/** Bad requests that find, describe and delete groups. */
import { apis } from '@millrace/protocol';
import { type Row, rowsOf } from './row.ts';
import type { Scene } from './scene.ts';

const GROUP = 0;
const SHARE = 2;
const NO_TYPE = 9;

/** Sets the key in both forms: `key` for versions up to 3, `coordinatorKeys` for versions from 4 on. */
export function coordinatorOf({ group }: Scene, keyType = GROUP) {
  return { key: group, keyType, coordinatorKeys: [group] };
}

const find = rowsOf(apis.findCoordinator, [
  [
    '1-5',
    'INVALID_REQUEST',
    '11.1',
    'the version does not have the share partitions',
    (s, ask) => ask(coordinatorOf(s, SHARE)),
  ],
  [
    '6',
    'INVALID_REQUEST',
    '11.1',
    'the broker has no coordinator of share groups',
    (s, ask) => ask(coordinatorOf(s, SHARE)),
  ],
  [
    '1-6',
    'INVALID_REQUEST',
    '11.1; -1 there, 42 in Kafka 4.3.1',
    'the type of the key does not exist',
    (s, ask) => ask(coordinatorOf(s, NO_TYPE)),
  ],
]);

/** Checks that the state is Dead, because up to version 5 nothing else says that the group does not exist. */
async function asDead<Answer extends { readonly groups: readonly { readonly groupState: string }[] }>(
  answering: Promise<Answer>,
): Promise<Answer> {
  const answer = await answering;
  const state = answer.groups[0]!.groupState;
  if (state !== 'Dead') throw new Error(`the state is ${state}`);
  return answer;
}

const describe = rowsOf(apis.describeGroups, [
  ['6', 'GROUP_ID_NOT_FOUND', '12.9', 'no group has the id', (s, ask) => asDead(ask({ groups: [s.group] }))],
  ['0-5', 'NONE', '12.9', 'no group has the id', (s, ask) => asDead(ask({ groups: [s.group] }))],
  [
    '6',
    'GROUP_ID_NOT_FOUND',
    '12.9',
    'it is a KIP-848 group',
    async (s, ask) => {
      await s.consumer();
      return asDead(ask({ groups: [s.group] }));
    },
  ],
  [
    '0-5',
    'NONE',
    '12.9',
    'it is a KIP-848 group',
    async (s, ask) => {
      await s.consumer();
      return asDead(ask({ groups: [s.group] }));
    },
  ],
]);

const describeConsumer = rowsOf(apis.consumerGroupDescribe, [
  ['0-1', 'INVALID_GROUP_ID', '12.1', 'the group id is empty', (_, ask) => ask({ groupIds: [''] })],
  ['0-1', 'GROUP_ID_NOT_FOUND', '14.7', 'no group has the id', (s, ask) => ask({ groupIds: [s.group] })],
  [
    '0-1',
    'GROUP_ID_NOT_FOUND',
    '14.7',
    'it is a classic group',
    async (s, ask) => {
      await s.stable();
      return ask({ groupIds: [s.group] });
    },
  ],
]);

const deletion = rowsOf(apis.deleteGroups, [
  ['0-2', 'GROUP_ID_NOT_FOUND', '12.9', 'no group has the id', (s, ask) => ask({ groupsNames: [s.group] })],
  [
    '0-2',
    'NON_EMPTY_GROUP',
    '12.9',
    'the classic group has a member',
    async (s, ask) => {
      await s.stable();
      return ask({ groupsNames: [s.group] });
    },
  ],
  [
    '0-2',
    'NON_EMPTY_GROUP',
    '12.9',
    'the KIP-848 group has a member',
    async (s, ask) => {
      await s.consumer();
      return ask({ groupsNames: [s.group] });
    },
  ],
]);

export const adminRows: readonly Row[] = [...find, ...describe, ...describeConsumer, ...deletion];
