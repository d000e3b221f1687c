/** Cases of ConsumerGroupHeartbeat, the request of members of KIP-848 groups. */
import { ids } from '../mutations.ts';
import type { Struct } from '../raw.ts';
import { FIRST_EPOCH, INSTANCE, MEMBER, type SetUp } from '../set-ups.ts';
import type { World } from '../world.ts';
import type { ApiCases, SpecialCase } from './api-cases.ts';
import { oddGroups } from './odd-groups.ts';

const REGEX_SINCE = 1;
const LONG = 1000;
const REBALANCE_MS = 20_000;

function beatOf(more: Struct): Struct {
  return {
    groupId: '{group}',
    memberId: MEMBER,
    memberEpoch: FIRST_EPOCH,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: -1,
    subscribedTopicNames: null,
    subscribedTopicRegex: null,
    serverAssignor: null,
    topicPartitions: null,
    ...more,
  };
}

function joinOf(world: World, more: Struct = {}): Struct {
  return beatOf({
    memberEpoch: 0,
    rebalanceTimeoutMs: REBALANCE_MS,
    subscribedTopicNames: [world.full],
    topicPartitions: [],
    ...more,
  });
}

type More = Struct | ((world: World) => Struct);
const moreOf = (more: More, world: World) => (typeof more === 'function' ? more(world) : more);

const joining = (name: string, setUp: SetUp, more: More = {}): SpecialCase => ({
  name,
  setUp,
  value: (world) => joinOf(world, moreOf(more, world)),
});
const joiningByRegex = (name: string, subscribedTopicRegex: string | null, more: More = {}): SpecialCase => ({
  name,
  value: (world, version) =>
    version < REGEX_SINCE
      ? undefined
      : joinOf(world, { subscribedTopicNames: null, subscribedTopicRegex, ...moreOf(more, world) }),
});
const beating = (name: string, setUp: SetUp, more: More = {}): SpecialCase => ({
  name,
  setUp,
  value: (world) => beatOf(moreOf(more, world)),
});

const owns = (partitions: readonly number[]) => (world: World) => ({
  topicPartitions: [{ topicId: world.idOf.get(world.full), partitions }],
});
const leaving = (name: string, setUp: SetUp, more: Struct = {}) =>
  beating(name, setUp, { memberEpoch: -1, ...more });
const pausing = (name: string, setUp: SetUp, more: Struct = {}) =>
  beating(name, setUp, { memberEpoch: -2, instanceId: INSTANCE, ...more });

const goodRegexes = ['', '.*', 'no-such-topic', 'a|b', '(?i)X', '^a{1,3}$', '\\d+', '\\pL+', '[[:alpha:]]+'];
const badRegexes = [
  '[',
  '(',
  '*',
  'a{2,1}',
  '\\',
  '(?=a)',
  '(a)\\1',
  '(?<n>a)',
  '(?<!b)a',
  '++',
  'a**',
  'a{1001}',
];

export const consumerGroupHeartbeat: ApiCases = {
  base: (world) => joinOf(world),
  // Leaves out the cases with these fixed group ids, because members of several cases would join the same
  // group.
  leftOut: /groupId=('.+'|x|not UTF-8)/,
  variants: [
    {
      name: 'by regex',
      value: (world, version) =>
        version < REGEX_SINCE
          ? undefined
          : joinOf(world, {
              subscribedTopicNames: null,
              subscribedTopicRegex: `${world.prefix}-f.*`,
              instanceId: INSTANCE,
              rackId: 'rack-1',
              serverAssignor: 'range',
            }),
    },
    {
      name: 'member',
      setUp: 'consumer',
      value: (world) => beatOf({ ...owns([0, 1])(world), subscribedTopicNames: [world.full] }),
    },
  ],
  special: [
    ...oddGroups.map(({ name, text }) =>
      joining(`group id ${name}`, 'fresh', {
        groupId: `${text}{group}`,
      }),
    ),
    joining('a blank group id', 'fresh', { groupId: ' ' }),
    joining('a blank instance', 'fresh', { instanceId: ' ' }),
    joining('a blank rack', 'fresh', { rackId: ' ' }),
    joining('a member id that is no UUID', 'fresh', { memberId: 'ü'.repeat(LONG) }),
    joining('no subscription', 'fresh', { subscribedTopicNames: null }),
    joining('an empty subscription', 'fresh', { subscribedTopicNames: [] }),
    joining('unknown topics', 'fresh', { subscribedTopicNames: ['wire-unknown', 'no/good', ''] }),
    joining('a topic twice', 'fresh', (world) => ({ subscribedTopicNames: [world.full, world.full] })),
    joining('an internal topic', 'fresh', { subscribedTopicNames: ['__consumer_offsets'] }),
    joining('partitions owned', 'fresh', owns([0])),
    joining('partitions unknown', 'fresh', { topicPartitions: null }),
    joining('no rebalance timeout', 'fresh', { rebalanceTimeoutMs: -1 }),
    joining('assignor uniform', 'fresh', { serverAssignor: 'uniform' }),
    joining('assignor range', 'fresh', { serverAssignor: 'range' }),
    joining('assignor Range', 'fresh', { serverAssignor: 'Range' }),
    joining('an unknown assignor', 'fresh', { serverAssignor: 'sticky' }),
    joining('an unknown assignor and no group id', 'fresh', { serverAssignor: 'sticky', groupId: '' }),
    ...[1, 2, -1, -2, -3].map((memberEpoch) =>
      joining(`epoch ${memberEpoch}, an unknown group`, 'fresh', { memberEpoch }),
    ),
    ...goodRegexes.map((regex) => joiningByRegex(`regex ${regex}`, regex)),
    ...badRegexes.map((regex) => joiningByRegex(`bad regex ${regex}`, regex)),
    joiningByRegex('a regex of 1,001 characters', 'a'.repeat(1001)),
    joiningByRegex('regex and names', 'a.*', (world) => ({ subscribedTopicNames: [world.full] })),
    joiningByRegex('no names and no regex', null),
    joiningByRegex('a regex of all topics of this run', 'wire-.*-(full|sink)'),

    joining('consumer: its member again', 'consumer'),
    joining('consumer: its member again, partitions owned', 'consumer', owns([0, 1])),
    joining('consumer: a second member', 'consumer', { memberId: 'member-2' }),
    joining('consumer: a second member, an instance', 'consumer', {
      memberId: 'member-2',
      instanceId: INSTANCE,
    }),
    joining('consumer: its member as an instance', 'consumer', { instanceId: INSTANCE }),
    joining('consumer: its member, other topics', 'consumer', (world) => ({
      subscribedTopicNames: [world.sink],
    })),
    joining('consumer: a member with another assignor', 'consumer', {
      memberId: 'member-2',
      serverAssignor: 'range',
    }),
    joining('consumer: a second member, other topics', 'consumer', (world) => ({
      memberId: 'member-2',
      subscribedTopicNames: [world.sink],
    })),
    joining('static: the instance again, another id', 'consumerStatic', {
      memberId: 'member-2',
      instanceId: INSTANCE,
    }),
    joining('static: the instance again, its id', 'consumerStatic', { instanceId: INSTANCE }),
    joining('static: its id without the instance', 'consumerStatic'),
    joining('static: its id, another instance', 'consumerStatic', { instanceId: 'instance-2' }),
    joining('static, left for a while: the instance again', 'consumerStaticLeft', {
      memberId: 'member-2',
      instanceId: INSTANCE,
    }),
    joining('static, left for a while: the instance again, its id', 'consumerStaticLeft', {
      instanceId: INSTANCE,
    }),
    joining('static, left for a while: another member', 'consumerStaticLeft', { memberId: 'member-2' }),
    joining('empty consumer: a member', 'consumerEmpty'),
    joining('simple: a member', 'simple'),
    joining('left: a member', 'left'),
    joining('pending: a member', 'pending'),
    joining('another type: a member', 'other'),
    joining('stable: a member', 'stable'),
    joining('stable: its member', 'stable', { memberId: '{member}' }),
    joining('garbled assignment: a member', 'garbled'),
    joining('pair: a member', 'pair'),
    joining('rebalancing: a member', 'rebalancing'),
    // This topic has only one partition. With two, chance would decide which member gets which partition.
    joining('joined: a member', 'joined', (world) => ({ subscribedTopicNames: [world.sink] })),
    joining('static: a member', 'static', { instanceId: INSTANCE }),

    beating('consumer: nothing new', 'consumer'),
    beating('consumer: partitions owned', 'consumer', owns([0, 1])),
    beating('consumer: fewer partitions owned', 'consumer', owns([0])),
    beating('consumer: partitions owned that are not assigned', 'consumer', owns([0, 1, 2])),
    beating('consumer: no partitions owned', 'consumer', { topicPartitions: [] }),
    beating('consumer: partitions of an unknown topic owned', 'consumer', {
      topicPartitions: [{ topicId: ids.unknown, partitions: [0] }],
    }),
    beating('consumer: everything', 'consumer', (world) => ({
      ...owns([0, 1])(world),
      rebalanceTimeoutMs: REBALANCE_MS,
      subscribedTopicNames: [world.full],
      serverAssignor: 'uniform',
    })),
    beating('consumer: other topics', 'consumer', (world) => ({ subscribedTopicNames: [world.sink] })),
    beating('consumer: more topics', 'consumer', (world) => ({
      subscribedTopicNames: [world.full, world.sink],
    })),
    beating('consumer: no topics', 'consumer', { subscribedTopicNames: [] }),
    beating('consumer: another assignor', 'consumer', { serverAssignor: 'range' }),
    beating('consumer: an unknown assignor', 'consumer', { serverAssignor: 'sticky' }),
    beating('consumer: another rack', 'consumer', { rackId: 'rack-2' }),
    beating('consumer: another timeout', 'consumer', { rebalanceTimeoutMs: 1 }),
    beating('consumer: a newer epoch', 'consumer', { memberEpoch: 3 }),
    beating('consumer: an older epoch', 'consumer', { memberEpoch: 1 }),
    beating('consumer: an older epoch, partitions owned', 'consumer', (world) => ({
      memberEpoch: 1,
      ...owns([0])(world),
    })),
    beating('consumer: an unknown member', 'consumer', { memberId: 'unknown' }),
    beating('consumer: no member id', 'consumer', { memberId: '' }),
    beating('consumer: an instance', 'consumer', { instanceId: INSTANCE }),
    beating('static: the instance', 'consumerStatic', { instanceId: INSTANCE }),
    beating('static: without its instance', 'consumerStatic'),
    beating('static: another id', 'consumerStatic', { instanceId: INSTANCE, memberId: 'unknown' }),
    beating('static: another instance', 'consumerStatic', { instanceId: 'instance-2' }),
    beating('static, left for a while: its old epoch', 'consumerStaticLeft', { instanceId: INSTANCE }),
    beating('pair: the first member', 'consumerPair'),
    beating('pair: the first member, partitions owned', 'consumerPair', owns([0, 1])),
    beating('pair: the first member, one revoked', 'consumerPair', owns([0])),
    beating('pair: the second member', 'consumerPair', { memberId: 'member-2', memberEpoch: 3 }),
    beating('pair: the second member, an older epoch', 'consumerPair', {
      memberId: 'member-2',
      memberEpoch: 2,
    }),
    beating('pair: a newer epoch', 'consumerPair', { memberEpoch: 4 }),
    beating('regex: other topics, no regex', 'consumerRegex', (world) => ({
      subscribedTopicNames: [world.sink],
    })),
    beating('empty consumer: the member that left', 'consumerEmpty'),
    beating('simple: a member that joined before', 'simple'),
    beating('stable: a member that joined before', 'stable'),
    beating('another type: a member that joined before', 'other'),
    beating('stable: its member, joined before', 'stable', { memberId: '{member}' }),

    joining('mixed: another member', 'mixed'),
    joining('mixed: the classic member', 'mixed', { memberId: '{member}' }),
    beating('mixed: the consumer member', 'mixed', { memberId: 'member-2' }),
    beating('mixed: the classic member, joined before', 'mixed', { memberId: '{member}', memberEpoch: 1 }),
    leaving('mixed: the consumer member leaves', 'mixed', { memberId: 'member-2' }),
    leaving('consumer: leaves', 'consumer'),
    leaving('consumer: an unknown member leaves', 'consumer', { memberId: 'unknown' }),
    leaving('consumer: nobody leaves', 'consumer', { memberId: '' }),
    leaving('consumer: leaves, an instance', 'consumer', { instanceId: INSTANCE }),
    leaving('static: leaves', 'consumerStatic', { instanceId: INSTANCE }),
    leaving('static: leaves without its instance', 'consumerStatic'),
    leaving('static: leaves with another id', 'consumerStatic', {
      instanceId: INSTANCE,
      memberId: 'unknown',
    }),
    leaving('static, left for a while: leaves', 'consumerStaticLeft', { instanceId: INSTANCE }),
    leaving('empty consumer: leaves', 'consumerEmpty'),
    leaving('stable: leaves', 'stable'),
    pausing('consumer: leaves for a while', 'consumer'),
    pausing('consumer: leaves for a while, no instance', 'consumer', { instanceId: null }),
    pausing('static: leaves for a while', 'consumerStatic'),
    pausing('static: leaves for a while, another id', 'consumerStatic', { memberId: 'unknown' }),
    pausing('static: leaves for a while, no instance', 'consumerStatic', { instanceId: null }),
    pausing('static: leaves for a while, no id', 'consumerStatic', { memberId: '' }),
    pausing('static, left for a while: leaves for a while', 'consumerStaticLeft'),
    pausing('static, left for a while: leaves for a while, another id', 'consumerStaticLeft', {
      memberId: 'member-2',
    }),
  ],
};
