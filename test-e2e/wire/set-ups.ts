/** The states of a group that cases need, and the requests that bring a group into these states. */
import type { KafkaClient } from '@millrace/client/io';
import { apis } from '@millrace/protocol';
import { assignmentOf, subscriptionOf } from './group-bytes.ts';
import type { World } from './world.ts';

export interface SetUpPort {
  readonly client: KafkaClient;
  readonly group: string;
  readonly world: World;
  /** Opens a further connection, for a request whose answer comes late. */
  connect(): Promise<KafkaClient>;
}

type Made = Readonly<Record<string, string>>;
type Pair = Made & { readonly member: string; readonly follower: string };

const SESSION_MS = 300_000;
/** Longer than any case, so no rebalance ends by this timeout. */
const REBALANCE_MS = 60_000;
/** With this timeout the rebalance ends soon, although the other members do not join again. */
const SHORT_REBALANCE_MS = 300;
/**
 * Up to version 3, a member joins with its first JoinGroup. From version 4 on, the first JoinGroup only
 * returns a member id.
 */
const JOIN_AT_ONCE = 3;
const STATIC_SINCE = 5;
export const INSTANCE = 'instance-1';
export const MEMBER = 'member-1';
/** The epoch of a consumer group's first member after its first heartbeat. */
export const FIRST_EPOCH = 2;

interface JoinOptions {
  readonly type?: string;
  readonly instance?: string;
  readonly rebalanceMs?: number;
  readonly memberId?: string;
}

async function join(
  { group, world }: SetUpPort,
  client: KafkaClient,
  { type = 'consumer', instance, rebalanceMs = REBALANCE_MS, memberId = '' }: JoinOptions = {},
): Promise<string> {
  const request = {
    groupId: group,
    sessionTimeoutMs: SESSION_MS,
    rebalanceTimeoutMs: rebalanceMs,
    memberId,
    groupInstanceId: instance ?? null,
    protocolType: type,
    protocols: [{ name: 'range', metadata: subscriptionOf(world.full) }],
  };
  const version = instance === undefined ? JOIN_AT_ONCE : STATIC_SINCE;
  const answer = await client.call(apis.joinGroup, request, { version });
  return expected('JoinGroup', answer, 0).memberId;
}

async function sync(
  { group, world }: SetUpPort,
  client: KafkaClient,
  memberId: string,
  { generationId = 1, assignment = assignmentOf(world.full, 0, 1) } = {},
) {
  const assignments = [{ memberId, assignment }];
  const request = { groupId: group, generationId, memberId, groupInstanceId: null, assignments };
  expected('SyncGroup', await client.call(apis.syncGroup, request, { version: 3 }), 0);
}

async function stable(port: SetUpPort, options: JoinOptions = {}): Promise<Made> {
  const member = await join(port, port.client, options);
  await sync(port, port.client, member);
  return { member };
}

async function leave({ group, client }: SetUpPort, memberId: string) {
  expected('LeaveGroup', await client.call(apis.leaveGroup, { groupId: group, memberId }, { version: 2 }), 0);
}

/** Makes the group give out a member id, and returns this id. No member has joined with it yet. */
async function pending({ group, client, world }: SetUpPort): Promise<string> {
  const protocols = [{ name: 'range', metadata: subscriptionOf(world.full) }];
  const timeouts = { sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: REBALANCE_MS };
  const request = { groupId: group, ...timeouts, memberId: '', protocolType: 'consumer', protocols };
  const answer = await client.call(apis.joinGroup, request, { version: 4 });
  return expected('JoinGroup', answer, 79).memberId;
}

async function commit({ group, client, world }: SetUpPort, memberId = '', generation = -1) {
  const partition = (partitionIndex: number) => ({
    partitionIndex,
    committedOffset: 3 + partitionIndex,
    committedLeaderEpoch: partitionIndex - 1,
    committedMetadata: 'note',
  });
  const topics = [
    { name: world.full, partitions: [partition(0), partition(1)] },
    { name: world.sink, partitions: [partition(0)] },
  ];
  const request = { groupId: group, memberId, generationIdOrMemberEpoch: generation, topics };
  const { topics: results } = await client.call(apis.offsetCommit, request, { version: 9 });
  for (const { partitions } of results) for (const result of partitions) expected('OffsetCommit', result, 0);
}

interface HeartbeatOptions {
  readonly memberId?: string;
  readonly memberEpoch?: number;
  readonly instanceId?: string | null;
  readonly rackId?: string;
  readonly regex?: string;
  readonly topicPartitions?: { readonly topicId: string; readonly partitions: readonly number[] }[];
}

async function consumerHeartbeat({ group, client, world }: SetUpPort, options: HeartbeatOptions = {}) {
  const {
    memberId = MEMBER,
    memberEpoch = 0,
    instanceId = null,
    rackId = null,
    regex,
    topicPartitions,
  } = options;
  const joins = memberEpoch === 0;
  const request = {
    groupId: group,
    memberId,
    memberEpoch,
    instanceId,
    rackId,
    rebalanceTimeoutMs: joins ? REBALANCE_MS : -1,
    subscribedTopicNames: joins && regex === undefined ? [world.full] : null,
    subscribedTopicRegex: regex ?? null,
    topicPartitions: topicPartitions ?? (joins ? [] : null),
  };
  const answer = await client.call(apis.consumerGroupHeartbeat, request as never, { version: 1 });
  return expected('ConsumerGroupHeartbeat', answer, 0);
}

async function consumer(port: SetUpPort, options: HeartbeatOptions = {}): Promise<Made> {
  await consumerHeartbeat(port, options);
  return { member: options.memberId ?? MEMBER };
}

async function untilRebalancing({ client, group }: SetUpPort): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    const { groups } = await client.call(apis.describeGroups, { groups: [group] }, { version: 5 });
    if (groups[0]!.groupState === 'PreparingRebalance') return;
  }
  throw new Error(`${group} does not rebalance`);
}

/**
 * Waits for the assignment: the coordinator answers the join before it has matched the regex with the topics.
 */
async function untilAssigned(port: SetUpPort): Promise<void> {
  let memberEpoch = 1;
  for (let tries = 0; tries < 1000; tries++) {
    const answer = await consumerHeartbeat(port, { memberEpoch });
    if ((answer.assignment?.topicPartitions.length ?? 0) > 0) return;
    memberEpoch = answer.memberEpoch;
  }
  throw new Error(`${port.group} has no assignment`);
}

/**
 * Makes two members of generation 2 that have not sent SyncGroup. The second member has a connection of its
 * own.
 */
async function pairJoined(port: SetUpPort, rebalanceMs = REBALANCE_MS): Promise<Pair> {
  const { client } = port;
  const { member } = await stable(port);
  const second = await port.connect();
  const joining = join(port, second, { rebalanceMs });
  await untilRebalancing(port);
  const [follower] = await Promise.all([joining, join(port, client, { rebalanceMs, memberId: member! })]);
  return { member: member!, follower };
}

async function pair(port: SetUpPort, rebalanceMs?: number): Promise<Pair> {
  const made = await pairJoined(port, rebalanceMs);
  const second = await port.connect();
  await Promise.all([
    sync(port, second, made.follower, { generationId: 2 }),
    sync(port, port.client, made.member, { generationId: 2 }),
  ]);
  return made;
}

/**
 * The groups of `zoo`, by name, each with its set-up. In a request, `{NAME}` stands for the id of the group.
 */
export const enclosures = {
  pending: 'pending',
  joined: 'joined',
  stable: 'committed',
  static: 'static',
  rebalancing: 'rebalancing',
  other: 'other',
  left: 'left',
  simple: 'simple',
  consumer: 'consumer',
  consumerStatic: 'consumerStatic',
  consumerStaticLeft: 'consumerStaticLeft',
  consumerPair: 'consumerPair',
  consumerRegex: 'consumerRegex',
  mixed: 'mixed',
  consumerEmpty: 'consumerEmpty',
} as const;

/** Makes one group for each state, for the requests that list and describe groups. */
async function zoo(port: SetUpPort): Promise<Made> {
  const made: Record<string, string> = {};
  for (const [name, setUp] of Object.entries(enclosures)) {
    const group = `${port.group}-${name}`;
    const inside: Made = await setUps[setUp]({ ...port, group });
    made[name] = group;
    for (const [key, value] of Object.entries(inside)) made[`${name}_${key}`] = value;
  }
  return made;
}

export const setUps = {
  /** A group id that nobody has used. */
  fresh: async () => ({}),
  pending: async (port) => ({ member: await pending(port) }),
  /** The leader has joined generation 1, and has not sent SyncGroup yet. */
  joined: async (port) => ({ member: await join(port, port.client) }),
  stable: (port) => stable(port),
  /** Like `stable`, for a case in which another member joins and the first member does not join again. */
  stableBriefly: (port) => stable(port, { rebalanceMs: SHORT_REBALANCE_MS }),
  stableAndPendingBriefly: async (port) => ({
    ...(await stable(port, { rebalanceMs: SHORT_REBALANCE_MS })),
    newcomer: await pending(port),
  }),
  stableAndPending: async (port) => ({ ...(await stable(port)), newcomer: await pending(port) }),
  /** The leader has sent an assignment that a consumer cannot decode. */
  garbled: async (port) => {
    const member = await join(port, port.client);
    await sync(port, port.client, member, { assignment: Buffer.from('bytes') });
    return { member };
  },
  static: (port) => stable(port, { instance: INSTANCE }),
  staticJoined: async (port) => ({
    member: await join(port, port.client, { instance: INSTANCE }),
  }),
  /** The members are not consumers. */
  other: (port) => stable(port, { type: 'other' }),
  otherCommitted: async (port) => {
    const made = await stable(port, { type: 'other' });
    await commit(port, made['member'], 1);
    return made;
  },
  committed: async (port) => {
    const made = await stable(port);
    await commit(port, made['member'], 1);
    return made;
  },
  left: async (port) => {
    const made = await stable(port);
    await leave(port, made['member']!);
    return made;
  },
  leftCommitted: async (port) => {
    const made = await stable(port);
    await commit(port, made['member'], 1);
    await leave(port, made['member']!);
    return made;
  },
  /** A second member is joining, and waits until the first member joins again. */
  rebalancing: async (port) => {
    const made = await stable(port);
    const second = await port.connect();
    join(port, second).catch(() => {});
    await untilRebalancing(port);
    return made;
  },
  pairJoined: (port) => pairJoined(port),
  pair: (port) => pair(port),
  /** Like `pair`, for a case in which only one of the two members joins again. */
  pairBriefly: (port) => pair(port, SHORT_REBALANCE_MS),
  /** A group with committed offsets that never had a member. */
  simple: async (port) => {
    await commit(port);
    return {};
  },
  consumer: (port) => consumer(port),
  consumerRack: (port) => consumer(port, { rackId: 'rack-1' }),
  consumerRegex: async (port) => {
    const made = await consumer(port, { regex: `${port.world.prefix}-f.*` });
    await untilAssigned(port);
    return made;
  },
  consumerStatic: (port) => consumer(port, { instanceId: INSTANCE }),
  consumerStaticLeft: async (port) => {
    const made = await consumer(port, { instanceId: INSTANCE });
    await consumerHeartbeat(port, { memberEpoch: -2, instanceId: INSTANCE });
    return made;
  },
  /** The first member owns all partitions, and has to revoke one of them for the second member. */
  consumerPair: async (port) => {
    const made = await consumer(port);
    await consumerHeartbeat(port, { memberId: 'member-2' });
    return made;
  },
  consumerCommitted: async (port) => {
    const made = await consumer(port);
    await commit(port, MEMBER, FIRST_EPOCH);
    return made;
  },
  /** A classic member, and a member of the consumer protocol that joined later. */
  mixed: async (port) => {
    const { member } = await stable(port);
    await consumerHeartbeat(port, { memberId: 'member-2' });
    return { member: member! };
  },
  consumerEmpty: async (port) => {
    const made = await consumer(port);
    await consumerHeartbeat(port, { memberEpoch: -1 });
    return made;
  },
  zoo,
} as const satisfies Record<string, (port: SetUpPort) => Promise<Made>>;

export type SetUp = keyof typeof setUps;

function expected<A extends { readonly errorCode: number }>(what: string, answer: A, errorCode: number): A {
  if (answer.errorCode === errorCode) return answer;
  throw new Error(`${what} of a set-up: error ${answer.errorCode} instead of ${errorCode}`);
}
