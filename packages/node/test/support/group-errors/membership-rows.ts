/** Bad requests of members of classic groups: SyncGroup, Heartbeat and LeaveGroup. */
import { apis, type ResponseOf } from '@millrace/protocol';
import { type Ask, type Row, rowsOf } from './row.ts';
import { INSTANCE, OTHER_MEMBER, type Scene, subscriptionTo } from './scene.ts';

/** An assignment with which the group's record is larger than a batch of `__consumer_offsets` may be. */
const TOO_LARGE = new Uint8Array(1_200_000);
const asInstance = { groupInstanceId: INSTANCE };

const sync = rowsOf(apis.syncGroup, [
  [
    '0-5',
    'INVALID_GROUP_ID',
    '12.1',
    'the group id is empty',
    (s, ask) => ask(s.syncOf('a', { groupId: '' })),
  ],
  ['0-5', 'UNKNOWN_MEMBER_ID', '12.3', 'the group does not exist', (s, ask) => ask(s.syncOf('unknown'))],
  [
    '0-5',
    'UNKNOWN_MEMBER_ID',
    '12.3',
    'the group does not know the member id',
    async (s, ask) => {
      await s.joined();
      return ask(s.syncOf('unknown'));
    },
  ],
  [
    '5',
    'INCONSISTENT_GROUP_PROTOCOL',
    '12.3',
    'the protocol type is missing',
    async (s, ask) => ask(s.syncOf(await s.joined(), { protocolType: null })),
  ],
  [
    '5',
    'INCONSISTENT_GROUP_PROTOCOL',
    '12.3',
    'the protocol name is missing',
    async (s, ask) => ask(s.syncOf(await s.joined(), { protocolName: null })),
  ],
  [
    '5',
    'INCONSISTENT_GROUP_PROTOCOL',
    '12.3',
    'the group has another protocol type',
    async (s, ask) => ask(s.syncOf(await s.joined(), { protocolType: 'connect' })),
  ],
  [
    '5',
    'INCONSISTENT_GROUP_PROTOCOL',
    '12.3',
    'the group has chosen another protocol',
    async (s, ask) => ask(s.syncOf(await s.joined(), { protocolName: 'sticky' })),
  ],
  [
    '3-5',
    'FENCED_INSTANCE_ID',
    '12.3',
    'another member has the instance id',
    async (s, ask) => {
      await s.joined(asInstance);
      return ask(s.syncOf('unknown', asInstance));
    },
  ],
  [
    '3-5',
    'FENCED_INSTANCE_ID',
    '12.2 (6)',
    'the sync waits while another client takes the instance',
    async (s, ask) => {
      const { follower } = await s.pairJoined(asInstance);
      const waiting = ask(s.syncOf(follower, { generationId: 2, assignments: [], ...asInstance }));
      await s.park(asInstance);
      return waiting;
    },
  ],
  [
    '0-5',
    'ILLEGAL_GENERATION',
    '12.3',
    'the generation is older',
    async (s, ask) => ask(s.syncOf(await s.joined(), { generationId: 0 })),
  ],
  [
    '0-5',
    'ILLEGAL_GENERATION',
    '14.6',
    'the generation is newer than the epoch of the classic member of a KIP-848 group',
    async (s, ask) => ask(s.syncOf(await s.mixed(), { generationId: 2 })),
  ],
  [
    '0-5',
    'REBALANCE_IN_PROGRESS',
    '12.3',
    'another member joins',
    async (s, ask) => ask(s.syncOf(await s.rebalancing())),
  ],
  [
    '0-5',
    'REBALANCE_IN_PROGRESS',
    '12.3',
    'the sync waits while another member joins',
    async (s, ask) => {
      const { leader, follower } = await s.pairJoined();
      const waiting = ask(s.syncOf(follower, { generationId: 2, assignments: [] }));
      await s.park({ memberId: leader, protocols: [{ name: 'range', metadata: subscriptionTo() }] });
      return waiting;
    },
  ],
  [
    '0-5',
    'REBALANCE_IN_PROGRESS',
    '14.6',
    'the classic member of a KIP-848 group must join again',
    async (s, ask) => ask(s.syncOf(await s.mixed())),
  ],
  [
    '0-5',
    'UNKNOWN_SERVER_ERROR',
    '11.3',
    'the record of the group would be larger than a batch',
    async (s, ask) => {
      const memberId = await s.joined();
      return ask(s.syncOf(memberId, { assignments: [{ memberId, assignment: TOO_LARGE }] }));
    },
  ],
]);

const heartbeat = rowsOf(apis.heartbeat, [
  [
    '0-4',
    'INVALID_GROUP_ID',
    '12.1',
    'the group id is empty',
    (s, ask) => ask(s.heartbeatOf('a', { groupId: '' })),
  ],
  ['0-4', 'UNKNOWN_MEMBER_ID', '12.6', 'the group does not exist', (s, ask) => ask(s.heartbeatOf('unknown'))],
  [
    '0-4',
    'UNKNOWN_MEMBER_ID',
    '12.6',
    'the group does not know the member id',
    async (s, ask) => {
      await s.stable();
      return ask(s.heartbeatOf('unknown'));
    },
  ],
  [
    '0-4',
    'UNKNOWN_MEMBER_ID',
    '12.6',
    'the member has left, and the group is empty',
    async (s, ask) => ask(s.heartbeatOf(await s.left())),
  ],
  [
    '0-4',
    'UNKNOWN_MEMBER_ID',
    '14.6',
    'the member uses the consumer protocol',
    async (s, ask) => {
      await s.mixed();
      return ask(s.heartbeatOf(OTHER_MEMBER));
    },
  ],
  [
    '3-4',
    'FENCED_INSTANCE_ID',
    '12.6',
    'another member has the instance id',
    async (s, ask) => {
      await s.stable(asInstance);
      return ask(s.heartbeatOf('unknown', asInstance));
    },
  ],
  [
    '0-4',
    'ILLEGAL_GENERATION',
    '12.6',
    'the generation is older',
    async (s, ask) => ask(s.heartbeatOf(await s.stable(), { generationId: 0 })),
  ],
  [
    '0-4',
    'ILLEGAL_GENERATION',
    '14.6',
    'the generation is newer than the epoch of the classic member of a KIP-848 group',
    async (s, ask) => ask(s.heartbeatOf(await s.mixed(), { generationId: 2 })),
  ],
  [
    '0-4',
    'REBALANCE_IN_PROGRESS',
    '12.6',
    'another member joins',
    async (s, ask) => ask(s.heartbeatOf(await s.rebalancing())),
  ],
  [
    '0-4',
    'REBALANCE_IN_PROGRESS',
    '14.6',
    'the classic member of a KIP-848 group must join again',
    async (s, ask) => ask(s.heartbeatOf(await s.mixed())),
  ],
]);

const ofMember = 'members.errorCode';

const leave = rowsOf(apis.leaveGroup, [
  [
    '0-5',
    'INVALID_GROUP_ID',
    '12.1',
    'the group id is empty',
    (s, ask) => ask({ ...s.leaveOf('a'), groupId: '' }),
  ],
  ['0-2', 'UNKNOWN_MEMBER_ID', '12.7', 'the group does not exist', (s, ask) => ask(s.leaveOf('unknown'))],
  [
    '3-5',
    'UNKNOWN_MEMBER_ID',
    '12.7',
    'the group does not exist',
    (s, ask) => ask(s.leaveOf('unknown')),
    ofMember,
  ],
  ['0-2', 'UNKNOWN_MEMBER_ID', '12.7', 'the group does not know the member id', leaveOfUnknown],
  ['3-5', 'UNKNOWN_MEMBER_ID', '12.7', 'the group does not know the member id', leaveOfUnknown, ofMember],
  [
    '3-5',
    'UNKNOWN_MEMBER_ID',
    '12.7',
    'an administrator names an unknown instance',
    async (s, ask) => {
      await s.stable();
      return ask(s.leaveOf('', INSTANCE));
    },
    ofMember,
  ],
  [
    '3-5',
    'UNKNOWN_MEMBER_ID',
    '14.6',
    'a KIP-848 group does not know the member id',
    async (s, ask) => {
      await s.consumer();
      return ask(s.leaveOf('unknown'));
    },
    ofMember,
  ],
  [
    '3-5',
    'FENCED_INSTANCE_ID',
    '12.7',
    'another member has the instance id',
    async (s, ask) => {
      await s.stable(asInstance);
      return ask(s.leaveOf('unknown', INSTANCE));
    },
    ofMember,
  ],
]);

async function leaveOfUnknown(
  s: Scene,
  ask: Ask<typeof apis.leaveGroup>,
): Promise<ResponseOf<typeof apis.leaveGroup>> {
  await s.stable();
  return ask(s.leaveOf('unknown'));
}

export const membershipRows: readonly Row[] = [...sync, ...heartbeat, ...leave];
