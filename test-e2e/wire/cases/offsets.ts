/** Requests about committed offsets: OffsetCommit, OffsetFetch and OffsetDelete. */
import { ids } from '../mutations.ts';
import type { Struct } from '../raw.ts';
import { FIRST_EPOCH, INSTANCE, MEMBER, type SetUp } from '../set-ups.ts';
import type { World } from '../world.ts';
import type { ApiCases, SpecialCase } from './api-cases.ts';
import { oddGroups } from './odd-groups.ts';

const METADATA_MAX_CHARS = 4096;
const INT64_MAX = 2n ** 63n - 1n;
const MANY_GROUPS_SINCE = 8;
const EPOCHS_SINCE = 9;

/**
 * Names a topic by its name and by its id. Each version of the request writes only the fields that it has.
 */
function topic(world: World, name: string, inside: Struct): Struct {
  return { name, topicId: world.idOf.get(name) ?? ids.unknown, ...inside };
}

function partitionOf(more: Struct = {}): Struct {
  return {
    partitionIndex: 0,
    committedOffset: 5,
    committedLeaderEpoch: 0,
    committedMetadata: 'note',
    ...more,
  };
}

/** A client that is not a member of the group. */
const nobody = { memberId: '', generationIdOrMemberEpoch: -1 };
const consumerMember = { memberId: MEMBER, generationIdOrMemberEpoch: FIRST_EPOCH };

function commitOf(topics: readonly Struct[], more: Struct = {}): Struct {
  return {
    groupId: '{group}',
    memberId: '{member}',
    generationIdOrMemberEpoch: 1,
    groupInstanceId: null,
    retentionTimeMs: -1,
    topics,
    ...more,
  };
}

const committing = (name: string, setUp: SetUp, more: Struct, partition: Struct = {}): SpecialCase => ({
  name,
  setUp,
  value: (world) => commitOf([topic(world, world.full, { partitions: [partitionOf(partition)] })], more),
});
const committingTopics = (name: string, topics: (world: World) => readonly Struct[]): SpecialCase => ({
  name,
  setUp: 'simple',
  value: (world) => commitOf(topics(world), nobody),
});
const one = { partitions: [partitionOf()] };

export const offsetCommit: ApiCases = {
  base: (world) => commitOf([topic(world, world.full, one)]),
  setUp: 'stable',
  readsOnly: true,
  // Leaves out the cases with these group ids, because cases of other APIs may create groups with the same
  // ids.
  leftOut: /groupId=('|x|not UTF-8)/,
  variants: [
    {
      name: 'simple',
      setUp: 'simple',
      value: (world) => commitOf([topic(world, world.full, one)], nobody),
    },
    {
      name: 'consumer',
      setUp: 'consumer',
      value: (world, version) =>
        version < EPOCHS_SINCE ? undefined : commitOf([topic(world, world.full, one)], consumerMember),
    },
  ],
  special: [
    ...[METADATA_MAX_CHARS, METADATA_MAX_CHARS + 1].flatMap((length) => [
      committing(`metadata of ${length} characters`, 'simple', nobody, {
        committedMetadata: 'm'.repeat(length),
      }),
      committing(`metadata of ${length} characters of two bytes`, 'simple', nobody, {
        committedMetadata: 'ü'.repeat(length),
      }),
    ]),
    committing('metadata of 2048 characters of four bytes', 'simple', nobody, {
      committedMetadata: '\u{1f680}'.repeat(METADATA_MAX_CHARS / 2),
    }),
    committing('metadata of 2049 characters of four bytes', 'simple', nobody, {
      committedMetadata: '\u{1f680}'.repeat(METADATA_MAX_CHARS / 2 + 1),
    }),
    committing('the largest offset', 'simple', nobody, { committedOffset: INT64_MAX }),
    ...oddGroups.map(({ name, text }) =>
      committing(`group id ${name}`, 'fresh', {
        ...nobody,
        groupId: `${text}{group}`,
      }),
    ),
    committing('the empty group id', 'fresh', { ...nobody, groupId: '' }),
    committing('a new group', 'fresh', nobody),
    committing('a new group, an instance', 'fresh', { ...nobody, groupInstanceId: INSTANCE }),
    committing('a new group, a member without a generation', 'fresh', { ...nobody, memberId: 'unknown' }),
    committing('a new group, generation 0', 'fresh', { memberId: '', generationIdOrMemberEpoch: 0 }),
    committing('a new group, a member', 'fresh', { memberId: 'unknown' }),
    committing('stable: nobody', 'stable', nobody),
    committing('stable: nobody, with the generation', 'stable', { memberId: '' }),
    committing('stable: an unknown member', 'stable', { memberId: 'unknown' }),
    committing('stable: the member without a generation', 'stable', { generationIdOrMemberEpoch: -1 }),
    committing('stable: an instance', 'stable', { groupInstanceId: INSTANCE }),
    committing('joined', 'joined', {}),
    committing('joined, an older generation', 'joined', { generationIdOrMemberEpoch: 0 }),
    committing('rebalancing', 'rebalancing', {}),
    committing('rebalancing, an older generation', 'rebalancing', { generationIdOrMemberEpoch: 0 }),
    committing('a pending member', 'pending', {}),
    committing('a pending member without a generation', 'pending', { generationIdOrMemberEpoch: -1 }),
    committing('pending: nobody', 'pending', nobody),
    committing('static', 'static', { groupInstanceId: INSTANCE }),
    committing('static: another id', 'static', { groupInstanceId: INSTANCE, memberId: 'unknown' }),
    committing('static: an unknown instance', 'static', { groupInstanceId: 'instance-2' }),
    committing('static: nobody', 'static', { ...nobody, groupInstanceId: INSTANCE }),
    committing('left: nobody', 'left', nobody),
    committing('left: the member that left', 'left', {}),
    committing('left: nobody, with the generation', 'left', { memberId: '', generationIdOrMemberEpoch: 2 }),
    committing('left: an instance', 'left', { ...nobody, groupInstanceId: INSTANCE }),
    committing('simple: generation 0', 'simple', { memberId: '', generationIdOrMemberEpoch: 0 }),
    committing('simple: an unknown member', 'simple', { memberId: 'unknown' }),
    committing('consumer: its member', 'consumer', consumerMember),
    committing('consumer: an older epoch', 'consumer', { ...consumerMember, generationIdOrMemberEpoch: 1 }),
    committing('consumer: a newer epoch', 'consumer', { ...consumerMember, generationIdOrMemberEpoch: 3 }),
    committing('consumer: nobody', 'consumer', nobody),
    committing('consumer: an unknown member', 'consumer', { ...consumerMember, memberId: 'unknown' }),
    committing('consumer: an instance', 'consumerStatic', { ...consumerMember, groupInstanceId: INSTANCE }),
    committing('consumer: another instance', 'consumerStatic', {
      ...consumerMember,
      groupInstanceId: 'instance-2',
    }),
    committing('consumer: a partition that is not assigned', 'consumer', consumerMember, {
      partitionIndex: 1,
    }),
    committing('mixed: the classic member', 'mixed', {}),
    committing('mixed: the classic member, an older generation', 'mixed', { generationIdOrMemberEpoch: 0 }),
    committing('mixed: the classic member, a newer generation', 'mixed', { generationIdOrMemberEpoch: 2 }),
    committing('mixed: nobody', 'mixed', nobody),
    committing('empty consumer: nobody', 'consumerEmpty', nobody),
    committing('empty consumer: the member that left', 'consumerEmpty', consumerMember),
    committing('empty consumer: an instance', 'consumerEmpty', { ...nobody, groupInstanceId: INSTANCE }),
    committingTopics('no topics', () => []),
    committingTopics('no partitions', (world) => [topic(world, world.full, { partitions: [] })]),
    committingTopics('unknown topic', (world) => [topic(world, 'wire-unknown', one)]),
    committingTopics('unknown topic and a known one', (world) => [
      topic(world, 'wire-unknown', one),
      topic(world, world.full, one),
    ]),
    committingTopics('unknown and known partitions, and long metadata', (world) => [
      topic(world, world.full, {
        partitions: [
          partitionOf({ partitionIndex: 9 }),
          partitionOf(),
          partitionOf({ partitionIndex: 1, committedMetadata: 'm'.repeat(METADATA_MAX_CHARS + 1) }),
          partitionOf({ partitionIndex: -1 }),
        ],
      }),
    ]),
    committingTopics('a partition twice', (world) => [
      topic(world, world.full, { partitions: [partitionOf(), partitionOf({ committedOffset: 9 })] }),
    ]),
    committingTopics('a topic twice', (world) => [
      topic(world, world.full, one),
      topic(world, world.full, { partitions: [partitionOf({ partitionIndex: 1 })] }),
    ]),
    committingTopics('an internal topic', (world) => [
      { ...topic(world, '__consumer_offsets', one), topicId: ids.zero },
    ]),
    committingTopics('by neither', () => [{ name: '', topicId: ids.zero, ...one }]),
    { name: 'stable: unknown topic, an unknown member', ...unknownTopicOfUnknownMember() },
    { name: 'stable: no topics, an unknown member', value: () => commitOf([], { memberId: 'unknown' }) },
  ],
};

function unknownTopicOfUnknownMember(): Omit<SpecialCase, 'name'> {
  return {
    value: (world) =>
      commitOf([topic(world, 'wire-unknown', one), topic(world, world.full, one)], { memberId: 'unknown' }),
  };
}

type AskedTopics = readonly Struct[] | null;

/** Up to version 7, a request asks about one group. From version 8 on, it has a list of groups. */
function fetchOf(topics: AskedTopics, more: Struct = {}, rest: Struct = {}): Struct {
  const group = { groupId: '{group}', memberId: null, memberEpoch: -1, topics, ...more };
  return { groupId: group.groupId, topics, groups: [group], requireStable: true, ...rest };
}

const allOfFull = (world: World) => [topic(world, world.full, { partitionIndexes: [0, 1] })];
const fetching = (
  name: string,
  setUp: SetUp,
  topics: (world: World) => AskedTopics,
  more: Struct = {},
): SpecialCase => ({
  name,
  setUp,
  value: (world, version) =>
    version < 2 && topics(world) === null ? undefined : fetchOf(topics(world), more),
});
const asMember = (name: string, setUp: SetUp, more: Struct): SpecialCase => ({
  name,
  setUp,
  value: (world, version) => (version < EPOCHS_SINCE ? undefined : fetchOf(allOfFull(world), more)),
});
const ofGroups = (name: string, groups: (world: World) => readonly Struct[]): SpecialCase => ({
  name,
  value: (_world, version) =>
    version < MANY_GROUPS_SINCE ? undefined : fetchOf(null, {}, { groups: groups(_world) }),
});
const all = () => null;

export const offsetFetch: ApiCases = {
  base: (world) => fetchOf(allOfFull(world)),
  setUp: 'committed',
  readsOnly: true,
  variants: [
    {
      name: 'member',
      setUp: 'consumerCommitted',
      value: (world, version) =>
        version < EPOCHS_SINCE
          ? undefined
          : fetchOf(allOfFull(world), { memberId: MEMBER, memberEpoch: FIRST_EPOCH }),
    },
  ],
  special: [
    fetching('all topics', 'committed', all),
    fetching('no topics', 'committed', () => []),
    fetching('no partitions', 'committed', (world) => [topic(world, world.full, { partitionIndexes: [] })]),
    fetching('unknown topic', 'committed', (world) => [
      topic(world, 'wire-unknown', { partitionIndexes: [0, 1] }),
    ]),
    fetching('unknown topic and a known one', 'committed', (world) => [
      topic(world, 'wire-unknown', { partitionIndexes: [0] }),
      ...allOfFull(world),
    ]),
    fetching('a topic without offsets', 'committed', (world) => [
      topic(world, world.empty, { partitionIndexes: [0, 7] }),
    ]),
    fetching('unknown partitions', 'committed', (world) => [
      topic(world, world.full, { partitionIndexes: [-1, 0, 9, 2 ** 31 - 1] }),
    ]),
    fetching('a partition twice', 'committed', (world) => [
      topic(world, world.full, { partitionIndexes: [0, 0, 1, 0] }),
    ]),
    fetching('a topic twice', 'committed', (world) => [
      topic(world, world.full, { partitionIndexes: [0] }),
      topic(world, world.full, { partitionIndexes: [1] }),
    ]),
    fetching('by neither', 'committed', () => [{ name: '', topicId: ids.zero, partitionIndexes: [0] }]),
    fetching('simple', 'simple', allOfFull),
    fetching('simple: all topics', 'simple', all),
    fetching('consumer', 'consumerCommitted', allOfFull),
    fetching('consumer: all topics', 'consumerCommitted', all),
    fetching('left: all topics', 'leftCommitted', all),
    fetching('joined: all topics', 'joined', all),
    fetching('rebalancing', 'rebalancing', allOfFull),
    fetching('unknown group', 'fresh', allOfFull),
    fetching('unknown group: all topics', 'fresh', all),
    fetching('the empty group id', 'fresh', allOfFull, { groupId: '' }),
    asMember('stable: the member', 'committed', { memberId: '{member}', memberEpoch: 1 }),
    asMember('stable: an unknown member', 'committed', { memberId: 'unknown', memberEpoch: 9 }),
    asMember('unknown group: a member', 'fresh', { memberId: MEMBER, memberEpoch: FIRST_EPOCH }),
    asMember('consumer: an older epoch', 'consumerCommitted', { memberId: MEMBER, memberEpoch: 1 }),
    asMember('consumer: a newer epoch', 'consumerCommitted', { memberId: MEMBER, memberEpoch: 3 }),
    asMember('consumer: an unknown member', 'consumerCommitted', {
      memberId: 'unknown',
      memberEpoch: FIRST_EPOCH,
    }),
    asMember('consumer: a member without an epoch', 'consumerCommitted', { memberId: MEMBER }),
    asMember('consumer: an epoch without a member', 'consumerCommitted', { memberEpoch: FIRST_EPOCH }),
    asMember('consumer: the empty member id', 'consumerCommitted', { memberId: '' }),
    asMember('mixed: the classic member', 'mixed', { memberId: '{member}', memberEpoch: 1 }),
    asMember('mixed: the classic member, a newer epoch', 'mixed', { memberId: '{member}', memberEpoch: 2 }),
    asMember('empty consumer: the member that left', 'consumerEmpty', {
      memberId: MEMBER,
      memberEpoch: FIRST_EPOCH,
    }),
    ofGroups('no groups', () => []),
    ofGroups('a group twice', (world) => {
      const group = { groupId: '{group}', memberId: null, memberEpoch: -1 };
      return [
        { ...group, topics: null },
        { ...group, topics: allOfFull(world) },
      ];
    }),
    ofGroups('a known group and an unknown one', () =>
      ['{group}', '{group}-unknown'].map((groupId) => ({
        groupId,
        memberId: null,
        memberEpoch: -1,
        topics: null,
      })),
    ),
    {
      name: 'not stable',
      value: (world) => fetchOf(allOfFull(world), {}, { requireStable: false }),
    },
  ],
};

function deletionOf(name: string, partitions: readonly number[], more: Struct = {}): Struct {
  return {
    groupId: '{group}',
    topics: [{ name, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }],
    ...more,
  };
}

const deleting = (name: string, setUp: SetUp, more: Struct = {}, partitions = [0, 1]): SpecialCase => ({
  name,
  setUp,
  value: (world) => deletionOf(world.full, partitions, more),
});
const deletingOf = (name: string, setUp: SetUp, topicOf: (world: World) => string): SpecialCase => ({
  name,
  setUp,
  value: (world) => deletionOf(topicOf(world), [0]),
});

export const offsetDelete: ApiCases = {
  base: (world) => deletionOf(world.full, [0, 1]),
  setUp: 'simple',
  special: [
    deleting('no partitions', 'simple', {}, []),
    deleting('no topics', 'simple', { topics: [] }),
    deleting('unknown partitions', 'simple', {}, [-1, 0, 9]),
    deleting('a partition twice', 'simple', {}, [0, 0]),
    deletingOf('unknown topic', 'simple', () => 'wire-unknown'),
    deletingOf('a topic without offsets', 'simple', (world) => world.empty),
    {
      name: 'unknown topic and a known one',
      value: (world) => ({
        groupId: '{group}',
        topics: ['wire-unknown', world.full].map((topicName) => ({
          name: topicName,
          partitions: [{ partitionIndex: 0 }],
        })),
      }),
    },
    {
      name: 'all offsets',
      value: (world) => ({
        groupId: '{group}',
        topics: [
          { name: world.full, partitions: [{ partitionIndex: 0 }, { partitionIndex: 1 }] },
          { name: world.sink, partitions: [{ partitionIndex: 0 }] },
        ],
      }),
    },
    deleting('unknown group', 'fresh'),
    deleting('unknown group, no topics', 'fresh', { topics: [] }),
    deletingOf('unknown group, unknown topic', 'fresh', () => 'wire-unknown'),
    deleting('stable: a subscribed topic', 'committed'),
    deletingOf('stable: another topic', 'committed', (world) => world.sink),
    deletingOf('stable: unknown topic', 'committed', () => 'wire-unknown'),
    deleting('joined', 'joined'),
    deleting('rebalancing', 'rebalancing'),
    deleting('another type', 'otherCommitted'),
    deleting('pending', 'pending'),
    deleting('left', 'leftCommitted'),
    deleting('consumer: a subscribed topic', 'consumerCommitted'),
    deletingOf('consumer: another topic', 'consumerCommitted', (world) => world.sink),
    deleting('consumer: a topic of its pattern', 'consumerRegex'),
    deleting('mixed', 'mixed'),
    deleting('empty consumer', 'consumerEmpty'),
  ],
};
