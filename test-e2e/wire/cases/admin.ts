/**
 * Requests that change topics: CreateTopics, DeleteTopics, CreatePartitions. The mutated requests
 * (mutations.ts) change nothing: they only validate, or name a topic that does not exist.
 */
import { ids } from '../mutations.ts';
import type { Struct } from '../raw.ts';
import type { World } from '../world.ts';
import type { ApiCases, SpecialCase } from './api-cases.ts';

/**
 * The names of cases to leave out. They would change topics, depend on timing, or name a broker that only one
 * of the two clusters has.
 */
const leftOut = /validateOnly=flipped|timeoutMs=1$|brokerIds\[\]=1$/;
const DELETE_BY_ID_SINCE = 6;

function newTopic(world: World, version: number, more: Struct = {}): Struct {
  const name = `${world.prefix}-new-${version}`;
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...more };
}

function creation(topics: readonly Struct[], more: Struct = {}): Struct {
  return { topics, timeoutMs: 5000, validateOnly: true, ...more };
}

function creating(
  name: string,
  topic: (world: World, version: number) => Struct,
  more: Struct = {},
): SpecialCase {
  return {
    name,
    value: (world, version) => creation([newTopic(world, version, topic(world, version))], more),
  };
}

const withConfig = (name: string, value: string | null) =>
  creating(`config ${name}=${value}`, () => ({ configs: [{ name, value }] }));

export const createTopics: ApiCases = {
  base: (world, version) =>
    creation([newTopic(world, version, { configs: [{ name: 'retention.ms', value: '100000' }] })]),
  variants: [
    {
      name: 'assigned',
      value: (world, version) =>
        creation([
          newTopic(world, version, {
            numPartitions: -1,
            replicationFactor: -1,
            assignments: [{ partitionIndex: 0, brokerIds: [world.brokerId] }],
          }),
        ]),
    },
  ],
  leftOut,
  special: [
    creating('defaults', () => ({ numPartitions: -1, replicationFactor: -1 })),
    creating('no partitions', () => ({ numPartitions: 0 })),
    creating('20,000 partitions', () => ({ numPartitions: 20_000 })),
    creating('two replicas', () => ({ replicationFactor: 2 })),
    creating('no replicas', () => ({ replicationFactor: 0 })),
    creating('an existing name', (world) => ({ name: world.full })),
    creating('a colliding name', (world) => ({ name: world.full.replaceAll('-', '.') })),
    creating('an internal name', () => ({ name: '__cluster_metadata' })),
    creating('assigned and counted', (world) => ({
      assignments: [{ partitionIndex: 0, brokerIds: [world.brokerId] }],
    })),
    creating('assigned to nobody', () => ({
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [{ partitionIndex: 0, brokerIds: [] }],
    })),
    creating('assigned to an unknown broker', () => ({
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [{ partitionIndex: 0, brokerIds: [77] }],
    })),
    creating('assigned twice to one broker', (world) => ({
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [{ partitionIndex: 0, brokerIds: [world.brokerId, world.brokerId] }],
    })),
    creating('assignments that begin at 1', (world) => ({
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [{ partitionIndex: 1, brokerIds: [world.brokerId] }],
    })),
    withConfig('no.such.config', '1'),
    withConfig('retention.ms', 'soon'),
    withConfig('retention.ms', ''),
    withConfig('retention.ms', ' 5 '),
    withConfig('retention.ms', null),
    withConfig('cleanup.policy', 'compact,delete'),
    withConfig('cleanup.policy', 'compact, delete'),
    withConfig('cleanup.policy', 'shred'),
    withConfig('cleanup.policy', ''),
    withConfig('min.insync.replicas', '0'),
    withConfig('segment.bytes', '1'),
    withConfig('unclean.leader.election.enable', 'TRUE'),
    withConfig('unclean.leader.election.enable', 'yes'),
    withConfig('max.message.bytes', '-1'),
    withConfig('message.timestamp.type', 'logappendtime'),
    creating('a config twice', () => ({
      configs: [
        { name: 'retention.ms', value: '1' },
        { name: 'retention.ms', value: '2' },
      ],
    })),
    creating('created', () => ({}), { validateOnly: false }),
    creating('created again', () => ({}), { validateOnly: false }),
    creating('created without time', (world, version) => ({ name: `${world.prefix}-late-${version}` }), {
      validateOnly: false,
      timeoutMs: 0,
    }),
    {
      name: 'a sound topic and a wrong one',
      value: (world, version) =>
        creation([
          newTopic(world, version, { name: `${world.prefix}-fine` }),
          newTopic(world, version, { name: '' }),
        ]),
    },
  ],
};

function deletion(names: readonly string[], more: Struct = {}): Struct {
  const topics = names.map((name) => ({ name, topicId: ids.zero }));
  return { topics, topicNames: names, timeoutMs: 5000, ...more };
}

function byId(name: string, topics: (world: World, version: number) => readonly Struct[]): SpecialCase {
  return {
    name,
    value: (world, version) =>
      version < DELETE_BY_ID_SINCE ? undefined : { topics: topics(world, version), timeoutMs: 5000 },
  };
}

export const deleteTopics: ApiCases = {
  base: (world) => deletion([`${world.prefix}-none`]),
  leftOut,
  special: [
    {
      name: 'a topic that is there',
      value: (world, version) => deletion([world.spare('doomed', version)]),
    },
    {
      name: 'a topic that was there',
      value: (world, version) => deletion([world.spare('doomed', version)]),
    },
    {
      name: 'a topic that is there, twice',
      value: (world) => deletion([world.empty, world.empty]),
    },
    { name: 'no time', value: (world) => deletion([`${world.prefix}-none`], { timeoutMs: 0 }) },
    { name: '__cluster_metadata', value: () => deletion(['__cluster_metadata']) },
    byId('by id', (world, version) => {
      const name = world.spare('doomed-by-id', version);
      return [{ name: null, topicId: world.idOf.get(name) ?? ids.unknown }];
    }),
    byId('by unknown id', () => [{ name: null, topicId: ids.unknown }]),
    byId('by the id of the metadata', () => [{ name: null, topicId: ids.metadata }]),
    byId('by name and id', (world) => [{ name: world.empty, topicId: world.idOf.get(world.empty) }]),
    byId('by neither', () => [{ name: null, topicId: ids.zero }]),
    byId('by id and by name', (world) => [
      { name: null, topicId: world.idOf.get(world.empty) },
      { name: world.empty, topicId: ids.zero },
    ]),
    byId('by id twice', (world) => {
      const topicId = world.idOf.get(world.empty);
      return [
        { name: null, topicId },
        { name: null, topicId },
      ];
    }),
  ],
};

function growth(
  name: string,
  count: number,
  assignments: readonly Struct[] | null,
  more: Struct = {},
): Struct {
  return { topics: [{ name, count, assignments }], timeoutMs: 5000, validateOnly: true, ...more };
}

export const createPartitions: ApiCases = {
  base: (world) => growth(world.full, 3, [{ brokerIds: [world.brokerId] }]),
  leftOut,
  special: [
    { name: 'unassigned', value: (world) => growth(world.full, 3, null) },
    { name: 'an empty list of assignments', value: (world) => growth(world.full, 3, []) },
    { name: 'the same count', value: (world) => growth(world.full, 2, null) },
    { name: 'fewer', value: (world) => growth(world.full, 1, null) },
    { name: '20,000 more', value: (world) => growth(world.full, 20_000, null) },
    { name: 'unknown topic', value: () => growth('wire-unknown', 3, null) },
    {
      name: 'too many assignments',
      value: (world) =>
        growth(world.full, 3, [{ brokerIds: [world.brokerId] }, { brokerIds: [world.brokerId] }]),
    },
    {
      name: 'too few assignments',
      value: (world) => growth(world.full, 4, [{ brokerIds: [world.brokerId] }]),
    },
    { name: 'an unknown broker', value: (world) => growth(world.full, 3, [{ brokerIds: [77] }]) },
    { name: 'nobody', value: (world) => growth(world.full, 3, [{ brokerIds: [] }]) },
    {
      name: 'a broker twice',
      value: (world) => growth(world.full, 3, [{ brokerIds: [world.brokerId, world.brokerId] }]),
    },
    {
      name: 'grown',
      value: (world, version) => growth(world.spare('grown', version), 2, null, { validateOnly: false }),
    },
    {
      name: 'grown again',
      value: (world, version) => growth(world.spare('grown', version), 2, null, { validateOnly: false }),
    },
    {
      name: 'grown without time',
      value: (world, version) =>
        growth(world.spare('grown', version), 3, null, { validateOnly: false, timeoutMs: 0 }),
    },
  ],
};
