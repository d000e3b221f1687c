/** Requests of members of classic groups: JoinGroup, SyncGroup, Heartbeat and LeaveGroup. */
import { subscriptionOf } from '../group-bytes.ts';
import type { Struct } from '../raw.ts';
import { INSTANCE, MEMBER, type SetUp } from '../set-ups.ts';
import type { World } from '../world.ts';
import type { ApiCases, SpecialCase } from './api-cases.ts';
import { oddGroups } from './odd-groups.ts';

const MEMBER_ID_REQUIRED_SINCE = 4;
const SESSION_MS = 300_000;
const SESSION_MIN_MS = 6000;
const SESSION_MAX_MS = 1_800_000;
/** The rebalance of a case ends after this time. */
const REBALANCE_MS = 300;
const STATIC_JOIN_SINCE = 5;
const STATIC_SINCE = 3;
const LONG = 20_000;
const waitingVersions = [3, 5, 9];

function protocolsOf(world: World, ...names: string[]): Struct[] {
  return names.map((name) => ({ name, metadata: subscriptionOf(world.full) }));
}

function joinOf(world: World, more: Struct = {}): Struct {
  return {
    groupId: '{group}',
    sessionTimeoutMs: SESSION_MS,
    rebalanceTimeoutMs: REBALANCE_MS,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: protocolsOf(world, 'range'),
    reason: 'to compare',
    ...more,
  };
}

interface JoinCase {
  readonly setUp?: SetUp;
  readonly since?: number;
  /** The case waits for the end of a rebalance, so only some versions have it. */
  readonly waits?: boolean;
  readonly more?: (world: World) => Struct;
}

/** A JoinGroup. A new member sends a member id (`{member}`) only in versions that need one. */
const joining = (
  name: string,
  { setUp, since = 0, waits = false, more = () => ({}) }: JoinCase,
): SpecialCase => ({
  name,
  ...(setUp === undefined ? {} : { setUp }),
  value: (world, version) => {
    if (version < since || (waits && !waitingVersions.includes(version))) return undefined;
    const isNew = setUp === undefined && version >= MEMBER_ID_REQUIRED_SINCE;
    return joinOf(world, { memberId: isNew ? '{member}' : '', ...more(world) });
  },
});
const withMember = (more: Struct = {}) => ({ memberId: '{member}', ...more });
const asInstance = (more: Struct = {}) => ({ groupInstanceId: INSTANCE, ...more });

export const joinGroup: ApiCases = {
  base: (world, version) => joinOf(world, { memberId: version < MEMBER_ID_REQUIRED_SINCE ? '' : '{member}' }),
  setUp: (version) => (version < MEMBER_ID_REQUIRED_SINCE ? 'fresh' : 'pending'),
  // Leaves out the cases with these fixed group ids, because members of several versions would join the same
  // group. Leaves out the cases with duplicate protocols, because Apache Kafka never answers them.
  leftOut: /^(groupId=('.+'|x|not UTF-8)|protocols=duplicate)/,
  special: [
    ...[SESSION_MIN_MS - 1, SESSION_MIN_MS, SESSION_MAX_MS, SESSION_MAX_MS + 1].map((sessionTimeoutMs) =>
      joining(`a session of ${sessionTimeoutMs} ms`, { more: () => ({ sessionTimeoutMs }) }),
    ),
    ...oddGroups.map(({ name, text }) =>
      joining(`group id ${name}`, {
        setUp: 'fresh',
        more: () => ({ groupId: `${text}{group}` }),
      }),
    ),
    joining('two protocols', { more: (world) => ({ protocols: protocolsOf(world, 'roundrobin', 'range') }) }),
    joining('no protocol type and no protocols', { more: () => ({ protocolType: '', protocols: [] }) }),
    {
      name: 'a protocol twice',
      value: (world, version) => {
        const protocols = protocolsOf(world, 'range', 'range');
        return version < 9 ? undefined : joinOf(world, { memberId: '{member}', protocols });
      },
    },
    joining('a protocol without metadata', {
      more: () => ({ protocols: [{ name: 'range', metadata: Buffer.alloc(0) }] }),
    }),
    joining('101 protocols', {
      more: (world) => ({ protocols: protocolsOf(world, ...Array.from({ length: 101 }, (_, i) => `p${i}`)) }),
    }),
    joining('another type', { more: () => ({ protocolType: 'connect' }) }),
    joining('a new member without an id', { setUp: 'fresh' }),
    joining('a new member with an id of its own', { setUp: 'fresh', more: () => ({ memberId: MEMBER }) }),
    joining('a long reason', { since: 8, more: () => ({ reason: 'r'.repeat(LONG) }) }),

    joining('stable: a second member', { setUp: 'stableBriefly', waits: true }),
    joining('stable: a second member, its id given', {
      setUp: 'stableAndPendingBriefly',
      waits: true,
      more: () => ({ memberId: '{newcomer}' }),
    }),
    joining('stable: the leader again', { setUp: 'stable', more: () => withMember() }),
    joining('stable: the leader with other protocols', {
      setUp: 'stable',
      more: (world) => withMember({ protocols: protocolsOf(world, 'sticky', 'range') }),
    }),
    joining('stable: the leader with another protocol', {
      setUp: 'stable',
      more: (world) => withMember({ protocols: protocolsOf(world, 'sticky') }),
    }),
    joining('stable: the leader with another type', {
      setUp: 'stable',
      more: () => withMember({ protocolType: 'connect' }),
    }),
    joining('stable: the leader with a short session', {
      setUp: 'stable',
      more: () => withMember({ sessionTimeoutMs: 1 }),
    }),
    joining('stable: an unknown member', { setUp: 'stable', more: () => ({ memberId: 'unknown' }) }),
    joining('stable: a second member of another type', {
      setUp: 'stableAndPending',
      more: () => ({ memberId: '{newcomer}', protocolType: 'connect' }),
    }),
    joining('stable: a second member with another protocol', {
      setUp: 'stableAndPending',
      more: (world) => ({ memberId: '{newcomer}', protocols: protocolsOf(world, 'sticky') }),
    }),
    joining('stable: the member as an instance', {
      setUp: 'stable',
      since: STATIC_JOIN_SINCE,
      more: () => withMember(asInstance()),
    }),
    joining('stable: a new instance', {
      setUp: 'stableBriefly',
      waits: true,
      since: STATIC_JOIN_SINCE,
      more: () => asInstance(),
    }),
    joining('pair: the follower again', { setUp: 'pair', more: () => ({ memberId: '{follower}' }) }),
    joining('pair: the follower with other protocols', {
      setUp: 'pairBriefly',
      waits: true,
      more: (world) => ({ memberId: '{follower}', protocols: protocolsOf(world, 'sticky', 'range') }),
    }),
    joining('pair without assignments: the follower again', {
      setUp: 'pairJoined',
      more: () => ({ memberId: '{follower}' }),
    }),
    joining('pair: the leader again', { setUp: 'pairBriefly', waits: true, more: () => withMember() }),
    joining('pair without assignments: the leader again', { setUp: 'pairJoined', more: () => withMember() }),
    joining('joined: the leader again', { setUp: 'joined', more: () => withMember() }),
    joining('joined: the leader with other protocols', {
      setUp: 'joined',
      more: (world) => withMember({ protocols: protocolsOf(world, 'sticky', 'range') }),
    }),

    joining('fresh: a new instance', { setUp: 'fresh', since: STATIC_JOIN_SINCE, more: () => asInstance() }),
    joining('fresh: an instance with a member id', {
      setUp: 'fresh',
      since: STATIC_JOIN_SINCE,
      more: () => asInstance({ memberId: MEMBER }),
    }),
    joining('static: the instance again, without its id', {
      setUp: 'static',
      since: STATIC_JOIN_SINCE,
      more: () => asInstance(),
    }),
    joining('static: the instance again, with its id', {
      setUp: 'static',
      since: STATIC_JOIN_SINCE,
      more: () => withMember(asInstance()),
    }),
    joining('static: the instance again, with another protocol', {
      setUp: 'static',
      since: STATIC_JOIN_SINCE,
      more: (world) => asInstance({ protocols: protocolsOf(world, 'sticky') }),
    }),
    joining('static: the instance again, with more protocols', {
      setUp: 'static',
      since: STATIC_JOIN_SINCE,
      more: (world) => asInstance({ protocols: protocolsOf(world, 'range', 'sticky') }),
    }),
    joining('static: the instance with another id', {
      setUp: 'static',
      since: STATIC_JOIN_SINCE,
      more: () => asInstance({ memberId: 'unknown' }),
    }),
    joining('static: the id of another instance', {
      setUp: 'static',
      since: STATIC_JOIN_SINCE,
      more: () => withMember({ groupInstanceId: 'instance-2' }),
    }),
    joining('static: the id without its instance', {
      setUp: 'static',
      since: STATIC_JOIN_SINCE,
      more: () => withMember(),
    }),
    joining('static without assignments: the instance again', {
      setUp: 'staticJoined',
      since: STATIC_JOIN_SINCE,
      more: () => asInstance(),
    }),

    joining('left: a new member', { setUp: 'left' }),
    joining('left: a new member of another type', {
      setUp: 'left',
      more: () => ({ protocolType: 'connect' }),
    }),
    joining('left: the member that left', { setUp: 'left', more: () => withMember() }),
    joining('simple: a new member', { setUp: 'simple' }),
    joining('simple: a new member of another type', {
      setUp: 'simple',
      more: () => ({ protocolType: 'connect' }),
    }),
    joining('consumer: a member of the other type', {
      setUp: 'consumer',
      more: () => ({ protocolType: 'connect' }),
    }),
    joining('consumer: no protocols', { setUp: 'consumer', more: () => ({ protocols: [] }) }),
    joining('consumer: its member', { setUp: 'consumer', more: () => withMember() }),
    joining('consumer: an unknown member', { setUp: 'consumer', more: () => ({ memberId: 'unknown' }) }),
    joining('consumer: a classic member', { setUp: 'consumer' }),
    joining('mixed: the classic member', { setUp: 'mixed', more: () => withMember() }),
    joining('mixed: the classic member, other protocols', {
      setUp: 'mixed',
      more: (world) => withMember({ protocols: protocolsOf(world, 'sticky') }),
    }),
    joining('mixed: the consumer member', { setUp: 'mixed', more: () => ({ memberId: 'member-2' }) }),
    joining('mixed: a short session', { setUp: 'mixed', more: () => withMember({ sessionTimeoutMs: 1 }) }),
    joining('empty consumer: a new member', { setUp: 'consumerEmpty' }),
  ],
};

function syncOf(more: Struct = {}): Struct {
  return {
    groupId: '{group}',
    generationId: 1,
    memberId: '{member}',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId: '{member}', assignment: Buffer.from('bytes') }],
    ...more,
  };
}

interface MemberCase {
  readonly since?: number;
  readonly more?: Struct;
}

const syncing = (name: string, setUp: SetUp, { since = 0, more = {} }: MemberCase = {}): SpecialCase => ({
  name,
  setUp,
  value: (_, version) => (version < since ? undefined : syncOf(more)),
});

export const syncGroup: ApiCases = {
  base: () => syncOf(),
  setUp: 'joined',
  special: [
    syncing('no assignments', 'joined', { more: { assignments: [] } }),
    syncing('an assignment of an unknown member', 'joined', {
      more: { assignments: [{ memberId: 'unknown', assignment: Buffer.from('bytes') }] },
    }),
    syncing('an empty assignment', 'joined', {
      more: { assignments: [{ memberId: '{member}', assignment: Buffer.alloc(0) }] },
    }),
    syncing('an assignment of 100 KB', 'joined', {
      more: { assignments: [{ memberId: '{member}', assignment: Buffer.alloc(100_000, 1) }] },
    }),
    syncing('another type', 'joined', { more: { protocolType: 'connect' } }),
    syncing('another protocol', 'joined', { more: { protocolName: 'sticky' } }),
    syncing('the type alone', 'joined', { more: { protocolName: null } }),
    syncing('the protocol alone', 'joined', { more: { protocolType: null } }),
    syncing('an unknown member', 'joined', { more: { memberId: 'unknown' } }),
    syncing('stable: again', 'stable'),
    syncing('stable: again, without assignments', 'stable', { more: { assignments: [] } }),
    syncing('stable: an older generation', 'stable', { more: { generationId: 0 } }),
    syncing('pair: the follower', 'pair', { more: { memberId: '{follower}', generationId: 2 } }),
    syncing('rebalancing', 'rebalancing'),
    syncing('an instance', 'staticJoined', { since: STATIC_SINCE, more: asInstance() }),
    syncing('an instance with another id', 'staticJoined', {
      since: STATIC_SINCE,
      more: asInstance({ memberId: 'unknown' }),
    }),
    syncing('an unknown instance', 'staticJoined', {
      since: STATIC_SINCE,
      more: { groupInstanceId: 'instance-2' },
    }),
    syncing('an instance without its name', 'staticJoined', { since: STATIC_SINCE }),
    syncing('an unknown group', 'fresh'),
    syncing('an unknown group without a type', 'fresh', { more: { protocolType: null } }),
    syncing('a pending member', 'pending'),
    syncing('left', 'left'),
    syncing('left, the generation after', 'left', { more: { generationId: 2 } }),
    syncing('simple', 'simple'),
    syncing('consumer: its member', 'consumer'),
    syncing('mixed: the classic member', 'mixed'),
    syncing('mixed: the classic member, a newer generation', 'mixed', { more: { generationId: 2 } }),
    syncing('mixed: the consumer member', 'mixed', { more: { memberId: 'member-2', generationId: 2 } }),
    syncing('consumer: without assignments', 'consumer', { more: { assignments: [] } }),
    syncing('consumer: an unknown member', 'consumer', { more: { memberId: 'unknown' } }),
  ],
};

const beating = (name: string, setUp: SetUp, { since = 0, more = {} }: MemberCase = {}): SpecialCase => ({
  name,
  setUp,
  value: (_, version) =>
    version < since
      ? undefined
      : { groupId: '{group}', generationId: 1, memberId: '{member}', groupInstanceId: null, ...more },
});

export const heartbeat: ApiCases = {
  base: (world, version) => beating('', 'stable').value(world, version)!,
  setUp: 'stable',
  readsOnly: true,
  special: [
    beating('an unknown member', 'stable', { more: { memberId: 'unknown' } }),
    beating('joined', 'joined'),
    beating('rebalancing', 'rebalancing'),
    beating('rebalancing, an older generation', 'rebalancing', { more: { generationId: 0 } }),
    beating('pair: the follower', 'pair', { more: { memberId: '{follower}', generationId: 2 } }),
    beating('an instance', 'static', { since: STATIC_SINCE, more: asInstance() }),
    beating('an instance with another id', 'static', {
      since: STATIC_SINCE,
      more: asInstance({ memberId: 'unknown' }),
    }),
    beating('an unknown instance', 'static', {
      since: STATIC_SINCE,
      more: { groupInstanceId: 'instance-2' },
    }),
    beating('an instance without its name', 'static'),
    beating('an unknown group', 'fresh'),
    beating('a pending member', 'pending'),
    beating('a pending member, no generation', 'pending', { more: { generationId: -1 } }),
    beating('left', 'left'),
    beating('left, the generation after', 'left', { more: { generationId: 2 } }),
    beating('simple', 'simple'),
    beating('consumer: its member', 'consumer'),
    beating('consumer: an unknown member', 'consumer', { more: { memberId: 'unknown' } }),
    beating('mixed: the classic member', 'mixed'),
    beating('mixed: the classic member, an older generation', 'mixed', { more: { generationId: 0 } }),
    beating('mixed: the classic member, a newer generation', 'mixed', { more: { generationId: 2 } }),
    beating('mixed: the consumer member', 'mixed', { more: { memberId: 'member-2', generationId: 2 } }),
    beating('empty consumer', 'consumerEmpty'),
  ],
};

function leaveOf(members: readonly Struct[], memberId: unknown = members[0]?.['memberId'] ?? ''): Struct {
  return { groupId: '{group}', memberId, members };
}

const leaver = (memberId = '{member}', groupInstanceId: string | null = null) => ({
  memberId,
  groupInstanceId,
  reason: 'to compare',
});
const leaving = (name: string, setUp: SetUp, ...members: readonly Struct[]): SpecialCase => ({
  name,
  setUp,
  value: () => leaveOf(members),
});
const leavingAsInstance = (name: string, setUp: SetUp, ...members: readonly Struct[]): SpecialCase => ({
  name,
  setUp,
  value: (_, version) => (version < STATIC_SINCE ? undefined : leaveOf(members)),
});

export const leaveGroup: ApiCases = {
  base: () => leaveOf([leaver()]),
  setUp: 'stable',
  special: [
    leaving('nobody', 'stable'),
    leaving('an unknown member', 'stable', leaver('unknown')),
    leavingAsInstance('the member, and an unknown one', 'stable', leaver(), leaver('unknown')),
    leavingAsInstance('an unknown member, and the member', 'stable', leaver('unknown'), leaver()),
    leavingAsInstance('a member as an instance', 'stable', leaver('{member}', INSTANCE)),
    leavingAsInstance('neither id nor instance', 'stable', leaver('')),
    leaving('joined', 'joined', leaver()),
    leaving('rebalancing', 'rebalancing', leaver()),
    leaving('pair: the follower', 'pair', leaver('{follower}')),
    leavingAsInstance('pair: both', 'pair', leaver('{follower}'), leaver()),
    leavingAsInstance('an instance', 'static', leaver('', INSTANCE)),
    leavingAsInstance('an instance twice', 'static', leaver('', INSTANCE), leaver('', INSTANCE)),
    leavingAsInstance('an instance with its id', 'static', leaver('{member}', INSTANCE)),
    leavingAsInstance('an instance with another id', 'static', leaver('unknown', INSTANCE)),
    leavingAsInstance('an unknown instance', 'static', leaver('', 'instance-2')),
    leavingAsInstance('the id of another instance', 'static', leaver('{member}', 'instance-2')),
    leaving('an instance by its id alone', 'static', leaver()),
    leaving('an unknown group', 'fresh', leaver()),
    leavingAsInstance('an unknown group, two members', 'fresh', leaver('a'), leaver('', INSTANCE)),
    leaving('an unknown group, nobody', 'fresh'),
    leaving('a pending member', 'pending', leaver()),
    leaving('left', 'left', leaver()),
    leaving('simple', 'simple', leaver()),
    leaving('consumer: its member', 'consumer', leaver(MEMBER)),
    leaving('consumer: an unknown member', 'consumer', leaver('unknown')),
    leavingAsInstance('consumer: an instance', 'consumerStatic', leaver('', INSTANCE)),
    leavingAsInstance('consumer: an instance with its id', 'consumerStatic', leaver(MEMBER, INSTANCE)),
    leavingAsInstance('consumer: an instance with another id', 'consumerStatic', leaver('unknown', INSTANCE)),
    leavingAsInstance('consumer: an unknown instance', 'consumerStatic', leaver('', 'instance-2')),
    leaving('mixed: the classic member', 'mixed', leaver()),
    leaving('mixed: the consumer member', 'mixed', leaver('member-2')),
    leaving('empty consumer', 'consumerEmpty', leaver(MEMBER)),
  ],
};
