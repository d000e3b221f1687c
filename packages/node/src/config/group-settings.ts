/** The settings of consumer groups and committed offsets: rows of the table of settings (table.ts). */
import { type SettingDefinition, setting } from './definition.ts';
import { custom, int, list, long, oneOf, type SettingType } from './types.ts';

const INT_MAX = 2_147_483_647;

const group = <T>(
  type: SettingType<T>,
  defaultText: string,
  documentation: string,
  more: { differs?: string; dynamic?: boolean } = {},
) => setting('Groups', type, defaultText, documentation, more);

const migrationPolicy = custom(
  'string',
  'disabled, downgrade, upgrade or bidirectional',
  (value): 'disabled' | 'downgrade' | 'upgrade' | 'bidirectional' | undefined => {
    const policies = ['disabled', 'downgrade', 'upgrade', 'bidirectional'] as const;
    return policies.find((policy) => policy === value.toLowerCase());
  },
);

export const groupSettings = {
  'offsets.topic.num.partitions': group(
    int(1),
    '50',
    'Number of partitions with which a broker creates `__consumer_offsets`. Do not add partitions to this topic later.',
  ),
  'offsets.topic.replication.factor': group(
    int(1, 32767),
    '3',
    'Replication factor of `__consumer_offsets`. The broker creates the topic when the first client asks for a coordinator. If you do not set this, the topic gets as many replicas as there are registered brokers, but at most 3. If you set this, no group has a coordinator until the cluster has that many brokers.',
    { differs: 'Kafka’s default is always 3; with fewer brokers Kafka does not create the topic.' },
  ),
  'offsets.topic.segment.bytes': group(
    int(1 << 20),
    '104857600',
    'Largest size of a segment of `__consumer_offsets`, in bytes.',
    { differs: 'Kafka allows less than 1 MiB.' },
  ),
  'offsets.commit.timeout.ms': group(
    int(1),
    '5000',
    'How long the coordinator waits until the records of a commit, or of a change of a group, are replicated. Then the coordinator answers COORDINATOR_NOT_AVAILABLE.',
  ),
  'offset.metadata.max.bytes': group(
    int(0),
    '4096',
    'Longest metadata text of a committed offset, in characters.',
  ),
  'offsets.retention.minutes': group(
    int(1),
    '10080',
    'How long the coordinator keeps the offsets of an empty group, or of a topic that a group no longer subscribes to.',
  ),
  'offsets.retention.check.interval.ms': group(
    long(1),
    '600000',
    'How often the coordinator looks for offsets to remove.',
  ),
  'group.min.session.timeout.ms': group(
    int(0),
    '6000',
    'Shortest session timeout that a member of a classic group may ask for.',
  ),
  'group.max.session.timeout.ms': group(
    int(0),
    '1800000',
    'Longest session timeout that a member of a classic group may ask for.',
  ),
  'group.initial.rebalance.delay.ms': group(
    int(0),
    '3000',
    'How long the first rebalance of an empty classic group waits for further members. While members keep joining, the coordinator extends the wait, at most to the largest rebalance timeout of a member.',
  ),
  'group.max.size': group(int(1), `${INT_MAX}`, 'Largest number of members of a classic group.'),
  'group.consumer.session.timeout.ms': group(
    int(1),
    '45000',
    'The coordinator removes a member of a KIP-848 group when no heartbeat arrives for this long.',
  ),
  'group.consumer.min.session.timeout.ms': group(
    int(1),
    '45000',
    'Lower bound of `group.consumer.session.timeout.ms`.',
  ),
  'group.consumer.max.session.timeout.ms': group(
    int(1),
    '60000',
    'Upper bound of `group.consumer.session.timeout.ms`.',
  ),
  'group.consumer.heartbeat.interval.ms': group(
    int(1),
    '5000',
    'Interval between the heartbeats of a member of a KIP-848 group. The coordinator sends this interval to the members.',
  ),
  'group.consumer.min.heartbeat.interval.ms': group(
    int(1),
    '5000',
    'Lower bound of `group.consumer.heartbeat.interval.ms`.',
  ),
  'group.consumer.max.heartbeat.interval.ms': group(
    int(1),
    '15000',
    'Upper bound of `group.consumer.heartbeat.interval.ms`.',
  ),
  'group.consumer.max.size': group(int(1), `${INT_MAX}`, 'Largest number of members of a KIP-848 group.'),
  'group.consumer.assignors': group(
    list(oneOf('uniform', 'range')),
    'uniform,range',
    'Assignors that the coordinator offers to KIP-848 groups. The first one is the default.',
  ),
  'group.consumer.migration.policy': group(
    migrationPolicy,
    'bidirectional',
    'With `upgrade`, a classic group becomes a KIP-848 group when a KIP-848 member joins. With `downgrade`, a KIP-848 group becomes a classic group when its last KIP-848 member leaves and classic members remain. `bidirectional` allows both changes, and `disabled` allows none.',
  ),
  'group.consumer.assignment.interval.ms': group(
    int(0),
    '1000',
    'Shortest time between two assignments of a KIP-848 group.',
    { dynamic: true },
  ),
  'group.consumer.min.assignment.interval.ms': group(
    int(0),
    '0',
    'Lower bound of `group.consumer.assignment.interval.ms`.',
  ),
  'group.consumer.max.assignment.interval.ms': group(
    int(0),
    '15000',
    'Upper bound of `group.consumer.assignment.interval.ms`.',
  ),
  'group.consumer.regex.refresh.interval.ms': group(
    int(10_000),
    '600000',
    'How often the coordinator matches the regular expressions of subscriptions with the names of the topics. When a topic has been created, the coordinator matches them sooner.',
  ),
} satisfies Record<string, SettingDefinition<unknown>>;
