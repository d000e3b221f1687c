/**
 * Requests about configs: AlterConfigs, IncrementalAlterConfigs, ListConfigResources. The mutated requests
 * (mutations.ts) change nothing, because they only validate.
 */
import type { Struct } from '../raw.ts';
import type { World } from '../world.ts';
import type { ApiCases, SpecialCase } from './api-cases.ts';
import { legacyLoggerCase, loggerCases } from './loggers.ts';

/** Names of cases to leave out, because they would change a topic. */
const leftOut = /validateOnly=flipped/;
const TOPIC = 2;
const BROKER = 4;
const GROUP = 32;
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3];

function replacing(resourceName: string, configs: readonly Struct[], more: Struct = {}): Struct {
  return { resources: [{ resourceType: TOPIC, resourceName, configs, ...more }], validateOnly: true };
}

const values: readonly (readonly [name: string, value: string | null])[] = [
  ['no.such.config', '1'],
  ['', '1'],
  ['retention.ms', 'soon'],
  ['retention.ms', ''],
  ['retention.ms', ' 5 '],
  ['retention.ms', null],
  ['cleanup.policy', 'compact,delete'],
  ['cleanup.policy', 'shred'],
  ['min.insync.replicas', '0'],
  ['segment.bytes', '1'],
  ['unclean.leader.election.enable', 'yes'],
  ['remote.storage.enable', 'false'],
  ['message.format.version', '3.0'],
  ['follower.replication.throttled.replicas', '0:1,1:2'],
  ['leader.replication.throttled.replicas', 'x'],
];

const named = (name: string, value: (world: World) => Struct): SpecialCase => ({ name, value });

function ofResource(make: (resourceName: string, more?: Struct) => Struct): SpecialCase[] {
  return [
    named('an unknown topic', () => make('wire-unknown')),
    named('an invalid name', () => make('not a name')),
    named('an empty name', () => make('')),
    named('the internal topic of offsets', () => make('__consumer_offsets')),
    named('the metadata log', () => make('__cluster_metadata')),
    named('no configs', (world) => make(world.full, { configs: [] })),
    named('an unknown type', (world) => make(world.full, { resourceType: 99 })),
    named('type 0', (world) => make(world.full, { resourceType: 0 })),
  ];
}

/** Settings of brokers. The cases set each one for this broker and for all brokers. */
const brokerValues: readonly (readonly [name: string, value: string | null])[] = [
  ['node.id', '1'],
  ['log.roll.jitter.hours', '5'],
  ['max.connections', 'x'],
  ['max.connections', '-1'],
  ['max.connections', '1000'],
  ['max.connections', null],
  ['max.connections', '0'],
  ['max.connections.per.ip', '0'],
  ['max.connections.per.ip', '10'],
  ['no.such.setting', '1'],
  ['leader.replication.throttled.rate', '1000'],
  ['leader.replication.throttled.rate', 'x'],
  ['producer.id.expiration.ms', '0'],
  ['message.max.bytes', '2000000'],
  ['log.segment.bytes', '5'],
  ['min.insync.replicas', '1'],
  ['unclean.leader.election.enable', 'maybe'],
];

function ofBroker(configOf: (name: string, value: string | null) => Struct): SpecialCase[] {
  const asked = (name: string, resourceName: (world: World) => string, configs: readonly Struct[]) =>
    named(name, (world) => replacing(resourceName(world), configs, { resourceType: BROKER }));
  const some = configOf('max.connections', '1000');
  // AlterConfigs replaces all configs. No request may remove this config of all brokers, so each request has
  // it.
  const kept = [configOf('min.insync.replicas', '1')];
  return [
    ...brokerValues.flatMap(([name, value]) => [
      asked(`broker config ${name}=${value}`, ({ brokerId }) => String(brokerId), [configOf(name, value)]),
      asked(`config ${name}=${value} of all brokers`, () => '', [
        configOf(name, value),
        ...kept.filter((other) => other['name'] !== name),
      ]),
    ]),
    asked('another broker', () => '77', [some]),
    asked('a broker without number', () => 'x', [some]),
    named('this broker, another broker and a topic', (world) => ({
      resources: [
        { resourceType: BROKER, resourceName: '77', configs: [some] },
        { resourceType: BROKER, resourceName: String(world.brokerId), configs: [some] },
        { resourceType: TOPIC, resourceName: world.full, configs: [configOf('retention.ms', '1')] },
      ],
      validateOnly: true,
    })),
  ];
}

const groupValues: readonly (readonly [name: string, value: string | null])[] = [
  ['consumer.session.timeout.ms', '50000'],
  ['consumer.session.timeout.ms', '5'],
  ['consumer.session.timeout.ms', '5000000'],
  ['consumer.heartbeat.interval.ms', '6000'],
  ['consumer.heartbeat.interval.ms', 'x'],
  ['consumer.heartbeat.interval.ms', '20000'],
  ['consumer.assignment.interval.ms', '0'],
  ['consumer.assignment.interval.ms', '50000'],
  ['consumer.max.size', '5'],
];

const ofGroup = (configOf: (name: string, value: string | null) => Struct): SpecialCase[] =>
  ['wire-group', ''].flatMap((group) =>
    groupValues.map(([name, value]) =>
      named(`config ${name}=${value} of group '${group}'`, () =>
        replacing(group, [configOf(name, value)], { resourceType: GROUP }),
      ),
    ),
  );

function twice(world: World, configs: readonly Struct[]): Struct {
  const resource = { resourceType: TOPIC, resourceName: world.full, configs };
  const other = { ...resource, resourceName: world.empty };
  return { resources: [resource, other, resource], validateOnly: true };
}

const someValue = { name: 'retention.ms', value: '100000' };

export const alterConfigs: ApiCases = {
  base: (world) => replacing(world.full, [someValue]),
  leftOut,
  special: [
    ...values.map(([name, value]) =>
      named(`config ${name}=${value}`, (world) => replacing(world.full, [{ name, value }])),
    ),
    ...ofResource((name, more) => replacing(name, [someValue], more)),
    ...ofBroker((name, value) => ({ name, value })),
    ...ofGroup((name, value) => ({ name, value })),
    legacyLoggerCase,
    named('a topic twice', (world) => twice(world, [someValue])),
    named('a config twice', (world) => replacing(world.full, [someValue, someValue])),
    named('min lag above max lag', (world) =>
      replacing(world.full, [
        { name: 'min.compaction.lag.ms', value: '5' },
        { name: 'max.compaction.lag.ms', value: '4' },
      ]),
    ),
    {
      name: 'altered',
      value: (world, version) => ({
        ...replacing(world.spare('altered', version), [someValue]),
        validateOnly: false,
      }),
    },
    {
      name: 'reset',
      value: (world, version) => ({
        ...replacing(world.spare('altered', version), []),
        validateOnly: false,
      }),
    },
  ],
};

function change(name: string, configOperation: number | undefined, value: string | null): Struct {
  return { name, configOperation, value };
}

const changes: readonly (readonly [name: string, ...Parameters<typeof change>])[] = [
  ['appended', 'cleanup.policy', APPEND, 'compact'],
  ['appended twice', 'cleanup.policy', APPEND, 'compact,compact'],
  ['a wrong item appended', 'cleanup.policy', APPEND, 'shred'],
  ['taken out', 'cleanup.policy', SUBTRACT, 'delete'],
  ['an item taken out that is not there', 'cleanup.policy', SUBTRACT, 'compact'],
  ['appended to a number', 'retention.ms', APPEND, '5'],
  ['taken out of a number', 'retention.ms', SUBTRACT, '5'],
  ['appended to an unknown config', 'no.such.config', APPEND, '5'],
  ['appended without value', 'cleanup.policy', APPEND, null],
  ['a config reset that is not set', 'segment.ms', DELETE, null],
  ['a config reset with a value', 'segment.ms', DELETE, '5'],
  ['an unknown config reset', 'no.such.config', DELETE, null],
  ['operation 4', 'retention.ms', 4, '5'],
  ['operation -1', 'retention.ms', -1, '5'],
];

/** Changes of settings of all brokers. */
const brokerChanges: readonly (readonly [name: string, ...Parameters<typeof change>])[] = [
  ['a setting of all brokers reset', 'max.connections', DELETE, null],
  ['min.insync.replicas of all brokers reset', 'min.insync.replicas', DELETE, null],
  ['appended to a setting', 'max.connections', APPEND, '5'],
  ['a fixed setting reset', 'node.id', DELETE, null],
];

export const incrementalAlterConfigs: ApiCases = {
  base: (world) => replacing(world.full, [change('retention.ms', SET, '100000')]),
  leftOut,
  special: [
    ...values.map(([name, value]) =>
      named(`config ${name}=${value}`, (world) => replacing(world.full, [change(name, SET, value)])),
    ),
    ...changes.map(([name, ...made]) => named(name, (world) => replacing(world.full, [change(...made)]))),
    ...ofResource((name, more) => replacing(name, [change('retention.ms', SET, '100000')], more)),
    ...ofBroker((name, value) => change(name, SET, value)),
    ...ofGroup((name, value) => change(name, SET, value)),
    ...loggerCases,
    ...brokerChanges.map(([name, ...made]) =>
      named(name, () => replacing('', [change(...made)], { resourceType: BROKER })),
    ),
    named('a topic twice', (world) => twice(world, [change('retention.ms', SET, '1')])),
    named('a config twice', (world) =>
      replacing(world.full, [change('retention.ms', SET, '1'), change('retention.ms', DELETE, null)]),
    ),
    {
      name: 'altered',
      value: (world, version) => ({
        ...replacing(world.spare('altered-in-part', version), [
          change('retention.ms', SET, '100000'),
          change('cleanup.policy', APPEND, 'compact'),
        ]),
        validateOnly: false,
      }),
    },
    {
      name: 'reset',
      value: (world, version) => ({
        ...replacing(world.spare('altered-in-part', version), [
          change('retention.ms', DELETE, null),
          change('cleanup.policy', SUBTRACT, 'delete'),
        ]),
        validateOnly: false,
      }),
    },
  ],
};

/**
 * Each side has its own topics and brokers, so their lists of these differ. Therefore these cases ask only
 * for other types of resources.
 */
export const listConfigResources: ApiCases = {
  base: () => ({ resourceTypes: [GROUP, 16] }),
  leftOut: /resourceTypes=(empty|\[\])|resourceTypes\[\]=(2|4|8)$/,
  special: [
    { name: 'an unknown type', value: () => ({ resourceTypes: [99] }) },
    { name: 'a known and an unknown type', value: () => ({ resourceTypes: [GROUP, 0] }) },
  ],
};
