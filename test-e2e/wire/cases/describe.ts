/**
 * Requests that only read: ApiVersions, Metadata and the Describe requests. One case of Metadata may create a
 * topic.
 */
import { ids } from '../mutations.ts';
import type { Struct } from '../raw.ts';
import type { World } from '../world.ts';
import type { ApiCases, SpecialCase } from './api-cases.ts';

const METADATA_BY_ID_SINCE = 10;

export const apiVersions: ApiCases = {
  base: () => ({ clientSoftwareName: 'compare-wire', clientSoftwareVersion: '1.0' }),
};

function metadataOf(topics: readonly Struct[] | null, more: Struct = {}): Struct {
  return {
    topics,
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: true,
    includeTopicAuthorizedOperations: true,
    ...more,
  };
}

function metadataById(name: string, topics: (world: World) => readonly Struct[]): SpecialCase {
  return {
    name,
    value: (world, version) => (version < METADATA_BY_ID_SINCE ? undefined : metadataOf(topics(world))),
  };
}

export const metadata: ApiCases = {
  base: (world) => metadataOf([{ name: world.full }]),
  // Leaves out this case, because Metadata up to version 3 would create the unknown topic.
  leftOut: /topics\[\]\.name=x\*249/,
  special: [
    { name: 'all topics', value: (_, version) => metadataOf(version === 0 ? [] : null) },
    { name: 'no topics', value: (_, version) => (version === 0 ? undefined : metadataOf([])) },
    {
      name: 'an unknown topic that may be created',
      value: (world, version) =>
        metadataOf([{ name: `auto-${world.prefix}-${version}` }], { allowAutoTopicCreation: true }),
    },
    {
      name: 'an unknown topic that may not be created',
      value: (_, version) => (version < 4 ? undefined : metadataOf([{ name: 'wire-unknown' }])),
    },
    {
      name: 'a longest name',
      value: (_, version) => (version < 4 ? undefined : metadataOf([{ name: 'x'.repeat(249) }])),
    },
    metadataById('by id', (world) => [{ name: null, topicId: world.idOf.get(world.full) }]),
    metadataById('by unknown id', () => [{ name: null, topicId: ids.unknown }]),
    metadataById('by name and its id', (world) => [
      { name: world.full, topicId: world.idOf.get(world.full) },
    ]),
    metadataById('by name and unknown id', (world) => [{ name: world.full, topicId: ids.unknown }]),
    metadataById('by neither', () => [{ name: null, topicId: ids.zero }]),
    metadataById('some by id and some by name', (world) => [
      { name: null, topicId: world.idOf.get(world.full) },
      { name: world.sink },
    ]),
    metadataById('by id twice', (world) => {
      const topicId = world.idOf.get(world.full);
      return [
        { name: null, topicId },
        { name: null, topicId },
      ];
    }),
  ],
};

export const describeCluster: ApiCases = {
  base: () => ({ includeClusterAuthorizedOperations: true, endpointType: 1, includeFencedBrokers: false }),
};

function configsOf(
  resourceType: number,
  resourceName: string,
  configurationKeys: readonly string[] | null,
): Struct {
  const resources = [{ resourceType, resourceName, configurationKeys }];
  return { resources, includeSynonyms: true, includeDocumentation: true };
}

const TOPIC = 2;
const BROKER = 4;
const LOGGER = 8;
const resourceTypes = [0, 1, TOPIC, BROKER, LOGGER, 16, 32, 64];

export const describeConfigs: ApiCases = {
  base: (world) => configsOf(TOPIC, world.compacted, ['cleanup.policy']),
  special: [
    { name: 'all of a topic', value: (world) => configsOf(TOPIC, world.compacted, null) },
    {
      name: 'all of a topic, nothing more',
      value: (world) => ({
        ...configsOf(TOPIC, world.full, null),
        includeSynonyms: false,
        includeDocumentation: false,
      }),
    },
    { name: 'no keys of a topic', value: (world) => configsOf(TOPIC, world.compacted, []) },
    { name: 'an unknown key', value: (world) => configsOf(TOPIC, world.full, ['no.such.config']) },
    { name: 'a key twice', value: (world) => configsOf(TOPIC, world.full, ['retention.ms', 'retention.ms']) },
    { name: 'an unknown topic', value: () => configsOf(TOPIC, 'wire-unknown', null) },
    { name: 'all of the broker', value: (world) => configsOf(BROKER, String(world.brokerId), null) },
    { name: 'the default of all brokers', value: () => configsOf(BROKER, '', null) },
    { name: 'another broker', value: () => configsOf(BROKER, '77', null) },
    { name: 'a broker that is no number', value: () => configsOf(BROKER, 'one', null) },
    { name: 'loggers', value: (world) => configsOf(LOGGER, String(world.brokerId), null) },
    { name: 'the root logger', value: (world) => configsOf(LOGGER, String(world.brokerId), ['root']) },
    { name: 'a logger', value: (world) => configsOf(LOGGER, String(world.brokerId), [world.logger]) },
    { name: 'an unknown logger', value: (world) => configsOf(LOGGER, String(world.brokerId), ['wire']) },
    { name: 'the loggers of another broker', value: () => configsOf(LOGGER, '77', null) },
    ...resourceTypes.map((type) => ({
      name: `type ${type}, an odd name`,
      value: () => configsOf(type, 'wire-odd', null),
    })),
    ...resourceTypes.map((type) => ({
      name: `type ${type}, no name`,
      value: () => configsOf(type, '', null),
    })),
  ],
};

function logDirsOf(...topics: readonly [string, ...number[]][]): Struct {
  return { topics: topics.map(([topic, ...partitions]) => ({ topic, partitions })) };
}

export const describeLogDirs: ApiCases = {
  base: (world) => logDirsOf([world.full, 0, 1]),
  special: [
    { name: 'all topics', value: () => ({ topics: null }) },
    { name: 'no topics', value: () => logDirsOf() },
    { name: 'no partitions of a topic', value: (world) => logDirsOf([world.full]) },
    { name: 'an unknown topic', value: () => logDirsOf(['wire-unknown', 0]) },
    { name: 'an unknown partition', value: (world) => logDirsOf([world.full, 0, 7]) },
    { name: 'a negative partition', value: (world) => logDirsOf([world.full, -1]) },
    { name: 'a partition twice', value: (world) => logDirsOf([world.full, 0, 0]) },
    { name: 'a topic twice', value: (world) => logDirsOf([world.full, 0], [world.full, 1]) },
    { name: 'an empty log', value: (world) => logDirsOf([world.empty, 0]) },
    { name: 'the metadata log', value: () => logDirsOf(['__cluster_metadata', 0]) },
  ],
};

function quorumOf(topicName: string, ...partitions: number[]): Struct {
  return { topics: [{ topicName, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }] };
}

export const describeQuorum: ApiCases = {
  base: () => quorumOf('__cluster_metadata', 0),
  special: [
    { name: 'another topic', value: (world) => quorumOf(world.full, 0) },
    { name: 'another partition', value: () => quorumOf('__cluster_metadata', 1) },
    { name: 'two partitions', value: () => quorumOf('__cluster_metadata', 0, 1) },
    { name: 'no partitions', value: () => quorumOf('__cluster_metadata') },
  ],
};

function pageOf(world: World, more: Struct = {}): Struct {
  return {
    topics: [{ name: world.full }, { name: world.empty }],
    responsePartitionLimit: 2000,
    cursor: null,
    ...more,
  };
}

const page = (name: string, more: (world: World) => Struct): SpecialCase => ({
  name,
  value: (world) => pageOf(world, more(world)),
});
const cursorAt = (topicName: string, partitionIndex: number) => ({ cursor: { topicName, partitionIndex } });

export const describeTopicPartitions: ApiCases = {
  base: (world) => pageOf(world),
  variants: [{ name: 'from a cursor', value: (world) => pageOf(world, cursorAt(world.full, 1)) }],
  special: [
    page('one partition a page', () => ({ responsePartitionLimit: 1 })),
    page('two partitions a page', () => ({ responsePartitionLimit: 2 })),
    page('an unknown topic', () => ({ topics: [{ name: 'wire-unknown' }] })),
    page('an unknown topic before a known one', (world) => ({
      topics: [{ name: 'aaa-unknown' }, { name: world.full }],
      responsePartitionLimit: 1,
    })),
    page('a cursor at a topic not asked for', (world) => cursorAt(world.compacted, 0)),
    page('a cursor behind all', () => cursorAt('zzz', 0)),
    page('a cursor before all', () => cursorAt('a', 0)),
    page('a cursor behind the last partition', (world) => cursorAt(world.full, 9)),
    page('a cursor with a negative partition', (world) => cursorAt(world.full, -1)),
    page('all topics', () => ({ topics: [] })),
  ],
};
