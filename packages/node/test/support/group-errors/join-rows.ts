/** Bad requests of members that join classic groups: JoinGroup. */
import { apis } from '@millrace/protocol';
import { type Ask, type Row, rowsOf } from './row.ts';
import { INSTANCE, type Scene, subscriptionTo, TOPIC } from './scene.ts';

/** Metadata with which the group's record is larger than a batch of `__consumer_offsets` may be. */
const TOO_LARGE = new Uint8Array(1_200_000);
const asInstance = { groupInstanceId: INSTANCE };

export const joinRows: readonly Row[] = rowsOf(apis.joinGroup, [
  ['0-9', 'INVALID_GROUP_ID', '12.1', 'the group id is empty', (s, ask) => ask(s.joinOf({ groupId: '' }))],
  [
    '0-9',
    'INVALID_SESSION_TIMEOUT',
    '12.2 (1)',
    'the session timeout is a millisecond too short',
    (s, ask) => ask(s.joinOf({ sessionTimeoutMs: 5_999 })),
  ],
  [
    '0-9',
    'INVALID_SESSION_TIMEOUT',
    '12.2 (1)',
    'the session timeout is a millisecond too long',
    (s, ask) => ask(s.joinOf({ sessionTimeoutMs: 1_800_001 })),
  ],
  [
    '0-9',
    'UNKNOWN_MEMBER_ID',
    '12.2 (2)',
    'the group does not exist, and the member has an id',
    (s, ask) => ask(s.joinOf({ memberId: 'unknown' })),
  ],
  [
    '0-9',
    'INCONSISTENT_GROUP_PROTOCOL',
    '12.2 (4)',
    'the protocol type is empty',
    (s, ask) => ask(s.joinOf({ protocolType: '' })),
  ],
  [
    '0-9',
    'INCONSISTENT_GROUP_PROTOCOL',
    '12.2 (4)',
    'the member names no protocol',
    (s, ask) => ask(s.joinOf({ protocols: [] })),
  ],
  [
    '0-9',
    'INCONSISTENT_GROUP_PROTOCOL',
    '12.2 (4)',
    'the group has another protocol type',
    async (s, ask) => {
      await s.stable();
      return ask(s.joinOf({ protocolType: 'connect' }));
    },
  ],
  [
    '0-9',
    'INCONSISTENT_GROUP_PROTOCOL',
    '12.2 (4)',
    'the other member supports none of the protocols',
    async (s, ask) => {
      await s.stable();
      return ask(s.joinOf({ protocols: [{ name: 'sticky', metadata: subscriptionTo(TOPIC) }] }));
    },
  ],
  [
    '0-9',
    'INCONSISTENT_GROUP_PROTOCOL',
    '14.6',
    'a member of another type joins a KIP-848 group',
    async (s, ask) => {
      await s.consumer();
      return ask(s.joinOf({ protocolType: 'connect' }));
    },
  ],
  [
    '4-9',
    'MEMBER_ID_REQUIRED',
    '12.2 (5)',
    'a new dynamic member has no id',
    async (s, ask) => {
      const answer = await ask(s.joinOf());
      if (answer.memberId === '') throw new Error('the answer has no member id');
      return answer;
    },
  ],
  [
    '4-9',
    'MEMBER_ID_REQUIRED',
    '12.2 (5), 14.6',
    'a new dynamic member of a KIP-848 group has no id',
    async (s, ask) => {
      await s.consumer();
      return ask(s.joinOf());
    },
  ],
  [
    '0-9',
    'UNKNOWN_MEMBER_ID',
    '12.2 (7)',
    'the group does not know the member id',
    async (s, ask) => {
      await s.stable();
      return ask(s.joinOf({ memberId: 'unknown' }));
    },
  ],
  [
    '0-9',
    'UNKNOWN_MEMBER_ID',
    '12.2 (7)',
    'the member has left, and the group is empty',
    async (s, ask) => ask(s.joinOf({ memberId: await s.left() })),
  ],
  [
    '5-9',
    'UNKNOWN_MEMBER_ID',
    '12.2 (7)',
    'no member has the instance id',
    async (s, ask) => {
      await s.stable();
      return ask(s.joinOf({ memberId: 'unknown', ...asInstance }));
    },
  ],
  [
    '5-9',
    'FENCED_INSTANCE_ID',
    '12.2 (7)',
    'another member has the instance id',
    async (s, ask) => {
      await s.stable(asInstance);
      return ask(s.joinOf({ memberId: 'unknown', ...asInstance }));
    },
  ],
  [
    '5-9',
    'FENCED_INSTANCE_ID',
    '12.2 (6)',
    'the join waits while another client takes the instance',
    replaced,
  ],
  ['0-9', 'UNKNOWN_MEMBER_ID', '12.7', 'the join waits while LeaveGroup removes the member', removed],
  [
    '5-9',
    'UNKNOWN_SERVER_ERROR',
    '11.3',
    'the record of the group would be larger than a batch',
    async (s, ask) => {
      await s.stable(asInstance);
      return ask(s.joinOf({ ...asInstance, protocols: [{ name: 'range', metadata: TOO_LARGE }] }));
    },
  ],
]);

async function replaced(s: Scene, ask: Ask<typeof apis.joinGroup>) {
  await s.stable();
  const waiting = ask(s.joinOf(asInstance));
  const other = await s.connect();
  await s.untilRebalancing(other);
  await s.park(asInstance);
  return waiting;
}

async function removed(s: Scene, ask: Ask<typeof apis.joinGroup>) {
  await s.stable();
  const memberId = await s.pending();
  const waiting = ask(s.joinOf({ memberId }));
  const other = await s.connect();
  await s.untilRebalancing(other);
  await other.call(apis.leaveGroup, 2, s.leaveOf(memberId));
  return waiting;
}
