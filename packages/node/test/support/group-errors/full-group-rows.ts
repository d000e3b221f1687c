/** Requests to join a group that already has two members, the most that a group may have. */
import { apis } from '@millrace/protocol';
import { type Ask, type Row, rowsOf } from './row.ts';
import type { Scene } from './scene.ts';

const join = rowsOf(apis.joinGroup, [
  [
    '0-9',
    'GROUP_MAX_SIZE_REACHED',
    '12.2 (3)',
    'the group is stable and full',
    async (s, ask) => {
      await s.pair();
      return ask(s.joinOf());
    },
  ],
  ['0-9', 'GROUP_MAX_SIZE_REACHED', '12.2 (3)', 'as many members as fit wait for a rebalance', joinOfThird],
  [
    '0-9',
    'GROUP_MAX_SIZE_REACHED',
    '14.6',
    'a KIP-848 group is full',
    async (s, ask) => {
      await s.mixed();
      return ask(s.joinOf());
    },
  ],
]);

/**
 * Joins while two members wait in a rebalance. They wait for a client that got a member id and may still
 * join.
 */
async function joinOfThird(s: Scene, ask: Ask<typeof apis.joinGroup>) {
  const memberId = await s.stable();
  await s.pending();
  await s.park();
  await s.untilRebalancing();
  await s.client.call(apis.leaveGroup, 2, s.leaveOf(memberId));
  await s.park();
  await s.untilMembers(2);
  return ask(s.joinOf());
}

const joinConsumer = rowsOf(apis.consumerGroupHeartbeat, [
  [
    '0-1',
    'GROUP_MAX_SIZE_REACHED',
    '14.2 (5)',
    'the group is full',
    async (s, ask) => {
      await s.mixed();
      return ask(s.consumerOf({ memberId: 'member-3' }));
    },
  ],
]);

export const fullGroupRows: readonly Row[] = [...join, ...joinConsumer];
