/**
 * Every setting of a node, in one table: Kafka's property name, type, default, effect. group-settings.ts has
 * the rows about groups, cleaner-settings.ts those about compaction, quorum-settings.ts those about the
 * quorum. Each row has the default of its setting, with one exception: a `topicSetting` has the default of
 * its topic config (metadata/src/topic-config-table.ts). The table has a property only if a package or the
 * node itself receives its value (package-settings.ts). docs/configuration.md is generated from this table.
 * node-config.ts checks the values against each other (listeners against roles, …).
 */
import { parseListeners, parseProtocolMap } from './addresses.ts';
import { cleanerSettings } from './cleaner-settings.ts';
import { setting, type TopicSettingDefinition, topicSetting } from './definition.ts';
import { groupSettings } from './group-settings.ts';
import { quorumSettings } from './quorum-settings.ts';
import {
  boolean,
  custom,
  int,
  list,
  long,
  oneOf,
  optional,
  positiveOrNone,
  type TypeOfSetting,
  text,
} from './types.ts';

const OURS = 'Kafka has no such setting.';
const FAILOVER = 'The smaller default makes failover quicker.';
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

const listeners = custom(
  'list',
  'a comma-separated list of NAME://host:port, each NAME at most once',
  parseListeners,
);
const listenerName = custom('string', 'the name of a listener', (value) =>
  /^[A-Za-z0-9._-]+$/.test(value) ? value.toUpperCase() : undefined,
);

const nodeSettings = {
  'process.roles': setting(
    'Node',
    list(oneOf('broker', 'controller')),
    undefined,
    'The roles of this process: broker, controller, or both.',
  ),
  'node.id': setting(
    'Node',
    int(0),
    undefined,
    'Id of this node. No other broker or controller of the cluster may have the same id.',
  ),
  listeners: setting(
    'Node',
    listeners,
    'PLAINTEXT://:9092',
    'Addresses on which this node listens. An empty host means all interfaces. Port 0 means any free port (brokers only).',
  ),
  'advertised.listeners': setting(
    'Node',
    optional(listeners),
    '',
    'Addresses that this broker gives to clients and other brokers. If this is not set, the broker takes `listeners` without the controller listener. The broker replaces an empty host by the host name of this machine, and port 0 by the real port. The hosts 0.0.0.0 and :: are not allowed in this setting. In `listeners` they count as an empty host.',
  ),
  'listener.security.protocol.map': setting(
    'Node',
    optional(custom('list', 'a comma-separated list of NAME:PROTOCOL', parseProtocolMap)),
    '',
    'Security protocol of each listener name. Only PLAINTEXT exists in this version. A listener name that is not in the list has PLAINTEXT.',
  ),
  'inter.broker.listener.name': setting(
    'Node',
    optional(listenerName),
    '',
    'Name of the listener through which other brokers replicate from this broker. If this is not set, the broker takes the listener PLAINTEXT, or its first listener if there is no PLAINTEXT.',
  ),
  'controller.listener.names': setting(
    'Node',
    listenerName,
    'CONTROLLER',
    'Name of the listener for control traffic (gRPC). On a controller this listener must be among `listeners`. On a node that is only a broker, this listener must not be among `listeners`.',
    { differs: 'Kafka has no default. Exactly one name is supported.' },
  ),
  'log.dirs': setting(
    'Node',
    custom('string', 'one folder (several are not supported)', (value) =>
      value === '' || value.includes(',') ? undefined : value,
    ),
    undefined,
    'Folder that holds all data of this node.',
    {
      differs: 'Kafka’s default is a folder in /tmp, which may lose its files. Millrace has no default.',
    },
  ),
  'broker.rack': setting(
    'Node',
    optional(text),
    '',
    'Location of this broker (rack, zone, machine). The controller spreads the replicas of a partition over racks.',
  ),
};

const topicSettings = {
  'num.partitions': setting(
    'Topics',
    int(1),
    '1',
    'Number of partitions of a new topic, if the request that creates the topic gives no number.',
  ),
  'default.replication.factor': setting(
    'Topics',
    int(1, 32767),
    '1',
    'Replication factor of a new topic, if the request that creates the topic gives none.',
  ),
  'auto.create.topics.enable': setting(
    'Topics',
    boolean,
    'true',
    'Whether a Metadata request for an unknown topic creates the topic. The request must also allow this.',
  ),
  'delete.topic.enable': setting('Topics', boolean, 'true', 'Whether clients can delete topics.'),
  'min.insync.replicas': topicSetting(
    'min.insync.replicas',
    int(1),
    'The leader refuses a batch with acks=all while the ISR has fewer members than this. If the partition has fewer replicas than this, the number of replicas counts instead.',
  ),
  'unclean.leader.election.enable': topicSetting(
    'unclean.leader.election.enable',
    boolean,
    'Whether the controller may elect a replica outside of the ISR and the ELR (KIP-966) when no member of the ISR or the ELR can lead. The election of such a replica can lose acknowledged records.',
  ),
  'message.max.bytes': topicSetting(
    'max.message.bytes',
    int(0),
    'Largest record batch that a client may append, in bytes, after compression.',
  ),
  'compression.type': topicSetting(
    'compression.type',
    oneOf('producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'),
    'Codec of batches in the log. The leader recompresses a batch that arrives in another codec. If this is much work, a worker thread recompresses the batch. With `producer` the leader keeps each batch as the producer sent it.',
  ),
  'compression.gzip.level': topicSetting(
    'compression.gzip.level',
    custom('int', 'an integer from 1 to 9, or -1', (value) =>
      /^(-1|[1-9])$/.test(value) ? Number(value) : undefined,
    ),
    'Level for `compression.type` gzip. -1 means the default level of the library.',
  ),
  'compression.lz4.level': topicSetting(
    'compression.lz4.level',
    int(1, 17),
    'Level for `compression.type` lz4. The setting has no effect, because Millrace’s codec has only one level.',
  ),
  'compression.zstd.level': topicSetting(
    'compression.zstd.level',
    int(-131072, 22),
    'Level for `compression.type` zstd.',
  ),
  'log.segment.bytes': topicSetting(
    'segment.bytes',
    int(1 << 20),
    'Largest size of a segment in bytes. The log rolls a segment (begins a new one) before the segment grows larger than this.',
  ),
  'log.roll.ms': topicSetting(
    'segment.ms',
    long(1),
    'The log rolls a segment when the segment’s records span more time than this.',
    { differs: 'Kafka has the same default, seven days, but in `log.roll.hours`.' },
  ),
  'log.roll.jitter.ms': topicSetting(
    'segment.jitter.ms',
    long(0),
    'The log rolls each segment up to this much earlier than `log.roll.ms` says, so that not all logs roll at once. Each segment has its own random share of this time.',
    { differs: 'In Kafka `log.roll.jitter.ms` is unset, and `log.roll.jitter.hours` is 0.' },
  ),
  'log.roll.jitter.hours': topicSetting(
    'segment.jitter.ms',
    int(0),
    'The same time as `log.roll.jitter.ms`, in hours. If `log.roll.jitter.ms` is set, this setting has no effect.',
    { unitMs: HOUR_MS },
  ),
  'log.retention.ms': topicSetting(
    'retention.ms',
    positiveOrNone(long),
    'The broker removes a segment when all of its records are older than this. -1 means that there is no limit.',
    { differs: 'Kafka has the same default, seven days, but in `log.retention.hours`.' },
  ),
  'log.retention.minutes': topicSetting(
    'retention.ms',
    positiveOrNone(int),
    'The same time as `log.retention.ms`, in minutes. If `log.retention.ms` is set, this setting has no effect.',
    { unitMs: MINUTE_MS },
  ),
  'log.retention.hours': topicSetting(
    'retention.ms',
    positiveOrNone(int),
    'The same time as `log.retention.ms`, in hours. If `log.retention.ms` or `log.retention.minutes` is set, this setting has no effect.',
    { unitMs: HOUR_MS },
  ),
  'log.retention.bytes': topicSetting(
    'retention.bytes',
    long(-1),
    'The broker removes the oldest segments of a partition while the partition is larger than this. -1 means that there is no limit.',
  ),
  'log.retention.check.interval.ms': setting(
    'Topics',
    long(1),
    '300000',
    'How often a broker looks for segments to remove: segments that expired by time or by size, and segments below the log start offset.',
  ),
  'log.initial.task.delay.ms': setting(
    'Topics',
    long(0),
    '30000',
    'How long after its start a broker first looks for expired segments.',
  ),
  'log.segment.delete.delay.ms': topicSetting(
    'file.delete.delay.ms',
    long(0),
    'How long the files of a removed segment stay on the disk.',
  ),
  'log.preallocate': topicSetting(
    'preallocate',
    boolean,
    'Whether the log allocates the full size of a segment file when it creates the file. When the log rolls the segment, it cuts off the unused end of the file.',
  ),
  'log.index.interval.bytes': topicSetting(
    'index.interval.bytes',
    int(0),
    'The log adds an index entry when it has appended more than this many bytes since the last entry.',
  ),
  'log.index.size.max.bytes': topicSetting(
    'segment.index.bytes',
    int(4),
    'Largest size of an index file; when an index is full, the log rolls the segment.',
  ),
  'log.flush.interval.messages': topicSetting(
    'flush.messages',
    long(1),
    'The log fsyncs after this many records. With 1, records acknowledged with acks=all survive a power loss of all machines at once. After a change of this setting, records are protected by the new value only when the brokers of all replicas have applied the new value.',
  ),
  'log.flush.interval.ms': topicSetting(
    'flush.ms',
    long(0),
    'Longest time until the log fsyncs a record; acknowledgements do not wait for this fsync. With the default, the operating system decides when it writes the records to the device.',
    {
      differs:
        'In Kafka this setting has an effect only together with `log.flush.scheduler.interval.ms`. In Millrace it needs no other setting.',
    },
  ),
  'log.open.files.max': setting(
    'Topics',
    optional(int(16)),
    '',
    'The most segment and index files that a node keeps open. To open one more, the node closes the file that it has not used for longest, and syncs this file first if the device may lack a write to it. Without a value, the node takes half of the limit of its process for open files (`ulimit -n`), but at least 64 and at most 32768. The other half is for connections and for all other files. If connections need more than half, set a lower value. Only Millrace has this setting.',
  ),
  'producer.id.expiration.ms': setting(
    'Topics',
    int(1),
    '86400000',
    'A partition forgets an idempotent producer when the producer has written nothing to this partition for this long.',
    { dynamic: true },
  ),
  'log.message.timestamp.type': topicSetting(
    'message.timestamp.type',
    oneOf('CreateTime', 'LogAppendTime'),
    'Which timestamp a record gets: the time at which the producer created the record, or the time at which the leader appended it.',
  ),
  'log.message.timestamp.before.max.ms': topicSetting(
    'message.timestamp.before.max.ms',
    long(0),
    'How far a record’s timestamp may lie in the past.',
  ),
  'log.message.timestamp.after.max.ms': topicSetting(
    'message.timestamp.after.max.ms',
    long(0),
    'How far a record’s timestamp may lie in the future.',
  ),
};

const replicationSettings = {
  'replica.lag.time.max.ms': setting(
    'Replication',
    long(1),
    '30000',
    'The leader removes a follower from the ISR when the follower has not caught up for this long.',
  ),
  'replica.fetch.wait.max.ms': setting(
    'Replication',
    int(0),
    '500',
    'How long a leader may delay the answer to a follower’s fetch while it has fewer than `replica.fetch.min.bytes` bytes for the follower.',
  ),
  'replica.fetch.min.bytes': setting(
    'Replication',
    int(1),
    '1',
    'The leader delays the answer to a follower’s fetch until it has this many bytes for the follower, or until `replica.fetch.wait.max.ms` is over.',
  ),
  'replica.fetch.max.bytes': setting(
    'Replication',
    int(0),
    '1048576',
    'A follower asks for at most this many bytes of one partition at once. If the first batch is larger, the leader still sends it.',
  ),
  'replica.fetch.response.max.bytes': setting(
    'Replication',
    int(0),
    '10485760',
    'A follower asks for at most this many bytes in one answer, for all of its partitions together.',
  ),
  'replica.fetch.backoff.ms': setting(
    'Replication',
    int(0),
    '100',
    'Pause of a follower before it retries after an error. After an error of one partition, the follower pauses only that partition.',
    { differs: `Kafka’s default is 1000. ${FAILOVER}` },
  ),
  'replica.socket.timeout.ms': setting(
    'Replication',
    int(1),
    '30000',
    'A follower replaces its connection when a request gets no answer for this long.',
  ),
  'replica.high.watermark.checkpoint.interval.ms': setting(
    'Replication',
    long(1),
    '5000',
    'How often a broker writes high watermarks to disk.',
  ),
  'fetch.max.bytes': setting(
    'Replication',
    int(1024),
    '57671680',
    'Largest answer to one fetch of a consumer or follower, in bytes.',
  ),
  'max.incremental.fetch.session.cache.slots': setting(
    'Replication',
    int(0),
    '1000',
    'Largest number of incremental fetch sessions (KIP-227) that a broker keeps. All other clients fetch without a session.',
  ),
};

const connectionSettings = {
  'socket.request.max.bytes': setting(
    'Connections',
    int(1),
    '104857600',
    'Largest size of a request in bytes. If a request is larger, the broker closes the connection. The setting is the limit for Produce, CreateTopics, CreatePartitions, DeleteTopics, AlterConfigs, IncrementalAlterConfigs, JoinGroup, SyncGroup and OffsetCommit. Any other request may have at most 2 MiB, and 1 KiB more for each partition of the cluster.',
  ),
  'queued.max.request.bytes': setting(
    'Connections',
    long(1),
    '268435456',
    'Limit for the memory that the requests and answers of all connections hold together, in bytes. The bytes of a request and its decoded objects both count. Above this limit the broker stops reading from each connection that has sent a part of a request, and sends no records to consumers. One answer takes at most a quarter of the memory that is free below the limit.',
    { differs: 'Kafka has no limit (-1) by default.' },
  ),
  'max.connections': setting(
    'Connections',
    int(1),
    '2147483647',
    'Largest number of open connections of a broker. The broker closes any further connection at once. If the broker has several listeners, it accepts connections on `inter.broker.listener.name` even above the limit, and counts these connections, too. If clients and brokers share a listener, choose a limit that leaves room for the other brokers and for an admin client.',
    { dynamic: true },
  ),
  'max.connections.per.ip': setting(
    'Connections',
    int(1),
    '2147483647',
    'Largest number of open connections of a broker from one address. The broker closes any further connection at once.',
    { dynamic: true },
  ),
  'connections.max.idle.ms': setting(
    'Connections',
    long(1),
    '600000',
    'The broker closes a connection when nothing happens on it for this long.',
  ),
  'max.request.partition.size.limit': setting(
    'Connections',
    int(1),
    '2000',
    'Largest number of partitions in one answer to DescribeTopicPartitions.',
  ),
};

const operationSettings = {
  'min.free.bytes': setting(
    'Operation',
    long(0),
    '104857600',
    'While the file system of `log.dirs` has less free space than this (the space that `df` shows as available), the broker writes no records of clients. As a leader, it refuses Produce with KAFKA_STORAGE_ERROR. As a follower, it appends nothing, and leaves the ISR when its leader has new records. The broker still serves consumers, and accepts records again when a tenth more than this is free. While at least half of this is free, the broker still writes the records of groups. With less than half, it also refuses commits of groups; the rest is for the broker’s own small files. A node with a new folder does not start with less free space than this. 0 means that there is no limit.',
    { differs: OURS },
  ),
  'health.port': setting(
    'Operation',
    optional(int(0, 65535)),
    '',
    'Port of a small HTTP server on all interfaces. `GET /health` answers 200 while the node is ready, and 503 otherwise. A broker is ready while it is unfenced, and a controller while it knows the leader of the quorum. `GET /metrics` returns the metrics that docs/metrics.md lists. If this is not set, there is no server.',
    { differs: OURS },
  ),
  'metrics.group.lag.max.series': setting(
    'Operation',
    int(0),
    '1000',
    'Largest number of series of `millrace_group_lag` on one broker. The metric `millrace_group_lag_omitted` counts the committed offsets that have no series because of this limit. With 0 the broker looks up no lag.',
    { differs: OURS },
  ),
  'logger.level': setting(
    'Operation',
    oneOf('debug', 'info', 'warn', 'error', 'silent'),
    'info',
    'The node writes events of this level and of more severe levels to standard output. Clients can change the levels of a running broker. docs/logging.md lists all events.',
    { differs: OURS },
  ),
  'logger.format': setting(
    'Operation',
    oneOf('auto', 'json', 'pretty'),
    'auto',
    'Form of a log line: one JSON object (`json`), or coloured text (`pretty`). With `auto` the node writes text to a terminal, and JSON elsewhere.',
    { differs: OURS },
  ),
};

export const settingsTable = {
  ...nodeSettings,
  ...quorumSettings,
  ...topicSettings,
  ...cleanerSettings,
  ...replicationSettings,
  ...groupSettings,
  ...connectionSettings,
  ...operationSettings,
};

export type SettingName = keyof typeof settingsTable;
/** The values of all settings, by property name. */
export type Settings = {
  readonly [N in SettingName]: TypeOfSetting<(typeof settingsTable)[N]['type']>;
};

/** The settings that give the defaults of topic configs. */
export type TopicSettingName = {
  [N in SettingName]: (typeof settingsTable)[N] extends TopicSettingDefinition<unknown> ? N : never;
}[SettingName];

export const settingNames = Object.keys(settingsTable) as SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingsTable, name);
}
