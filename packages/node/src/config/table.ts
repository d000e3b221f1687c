/**
 * Every setting of a node, in one table: Kafka's property name, type, default, what it does. A property is
 * here only when the product really honours it. docs/configuration.md is generated from this; what the values
 * mean together (listeners against roles, …) is checked in node-config.ts.
 */
import { parseListeners, parseProtocolMap, parseVoters } from './addresses.ts';
import { setting } from './definition.ts';
import { boolean, custom, int, list, long, oneOf, optional, type TypeOfSetting, text } from './types.ts';

const OURS = 'Kafka has no such setting.';
const FAILOVER = 'Kafka’s default is slower; ours makes failover quick.';
const GIBI = 1 << 30;

const listeners = custom('list', 'a comma-separated list of NAME://host:port, no name twice', parseListeners);
const listenerName = custom('string', 'the name of a listener', (value) =>
  /^[A-Za-z0-9._-]+$/.test(value) ? value.toUpperCase() : undefined,
);

const nodeSettings = {
  'process.roles': setting(
    'Node',
    list(oneOf('broker', 'controller')),
    undefined,
    'What this process is: a broker, a controller, or both.',
  ),
  'node.id': setting(
    'Node',
    int(0),
    undefined,
    'Id of this node, unique in the cluster, also between brokers and controllers.',
  ),
  listeners: setting(
    'Node',
    listeners,
    'PLAINTEXT://:9092',
    'Addresses this node listens on. An empty host means all interfaces, port 0 a free one (brokers only).',
  ),
  'advertised.listeners': setting(
    'Node',
    optional(listeners),
    '',
    'Addresses that clients and other brokers are told. Default: `listeners`, with the host name of the machine where the host is empty; port 0 is replaced by the real port.',
  ),
  'listener.security.protocol.map': setting(
    'Node',
    optional(custom('list', 'a comma-separated list of NAME:PROTOCOL', parseProtocolMap)),
    '',
    'Security protocol of each listener name. Only PLAINTEXT exists in this version. Names that are not listed are PLAINTEXT.',
  ),
  'inter.broker.listener.name': setting(
    'Node',
    optional(listenerName),
    '',
    'The listener that brokers use to replicate from each other. Default: PLAINTEXT if there is such a listener, else the first one of the broker.',
  ),
  'controller.listener.names': setting(
    'Node',
    listenerName,
    'CONTROLLER',
    'Name of the listener for control traffic (gRPC). On a controller it must be among `listeners`, on a broker that is no controller it must not.',
    { differs: 'Kafka has no default. Exactly one name is supported.' },
  ),
  'log.dirs': setting(
    'Node',
    custom('string', 'one folder (several are not supported)', (value) =>
      value === '' || value.includes(',') ? undefined : value,
    ),
    undefined,
    'Folder that holds all data of this node.',
    { differs: 'Kafka’s default lies in /tmp, which is no place for data: it must be set. One folder only.' },
  ),
  'broker.rack': setting(
    'Node',
    optional(text),
    '',
    'Where this broker stands (rack, zone, machine). Replicas of a partition are spread over racks.',
  ),
};

const quorumSettings = {
  'controller.quorum.voters': setting(
    'Quorum',
    custom('list', 'a comma-separated list of id@host:port, no id twice', parseVoters),
    undefined,
    'All controllers of the cluster, the same list on every node.',
  ),
  'controller.quorum.election.timeout.ms': setting(
    'Quorum',
    int(10),
    '300',
    'How long one round of an election lasts before the next; the real time is drawn from one to two times this.',
    { differs: `Kafka: 1000. ${FAILOVER}` },
  ),
  'controller.quorum.fetch.timeout.ms': setting(
    'Quorum',
    int(50),
    '1000',
    'A controller that could not reach the active controller for so long asks for an election.',
    { differs: `Kafka: 2000. ${FAILOVER}` },
  ),
  'controller.quorum.retry.backoff.ms': setting(
    'Quorum',
    int(0),
    '20',
    'Pause before a request to another controller that failed is tried again.',
  ),
  'broker.session.timeout.ms': setting(
    'Quorum',
    int(100),
    '3000',
    'A broker that was not heard of for so long is fenced: its partitions get other leaders. Controllers say how long a lease is; a broker takes none longer than its own setting. It should be the same everywhere.',
    { differs: `Kafka: 9000. ${FAILOVER}` },
  ),
  'broker.session.loss.grace.ms': setting(
    'Quorum',
    int(0),
    '100',
    'A broker whose control stream closed (its process died) is fenced when it has not come back for so long.',
    { differs: OURS },
  ),
  'broker.heartbeat.interval.ms': setting(
    'Quorum',
    int(10),
    '500',
    'Time between the heartbeats of a broker to the active controller.',
    { differs: `Kafka: 2000. ${FAILOVER}` },
  ),
};

const topicSettings = {
  'num.partitions': setting(
    'Topics',
    int(1),
    '1',
    'Partitions of a topic that is created without saying how many.',
  ),
  'default.replication.factor': setting(
    'Topics',
    int(1, 32767),
    '1',
    'Replicas of a topic that is created without saying how many.',
  ),
  'auto.create.topics.enable': setting(
    'Topics',
    boolean,
    'true',
    'Whether asking for the metadata of an unknown topic creates it, when the client allows it.',
  ),
  'delete.topic.enable': setting('Topics', boolean, 'true', 'Whether topics can be deleted.'),
  'min.insync.replicas': setting(
    'Topics',
    int(1),
    '1',
    'With acks=all a batch is refused while the ISR has fewer members than this.',
    { topicConfig: 'min.insync.replicas' },
  ),
  'unclean.leader.election.enable': setting(
    'Topics',
    boolean,
    'false',
    'Whether a replica outside the ISR may become leader when no other is left. Acknowledged records can be lost then.',
    { topicConfig: 'unclean.leader.election.enable' },
  ),
  'message.max.bytes': setting(
    'Topics',
    int(0),
    '1048588',
    'Largest record batch that a client may append, in bytes, after compression.',
    { topicConfig: 'max.message.bytes' },
  ),
  'compression.type': setting(
    'Topics',
    oneOf('producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'),
    'producer',
    'How batches are compressed in the log. One that comes in another way is compressed again, on a thread of its own when that takes long; `producer` keeps each as it came.',
    { topicConfig: 'compression.type' },
  ),
  'compression.gzip.level': setting(
    'Topics',
    custom('int', 'an integer from 1 to 9, or -1', (value) =>
      /^(-1|[1-9])$/.test(value) ? Number(value) : undefined,
    ),
    '-1',
    'Level for `compression.type` gzip; -1 is the default of the library.',
    { topicConfig: 'compression.gzip.level' },
  ),
  'compression.lz4.level': setting(
    'Topics',
    int(1, 17),
    '9',
    'Level for `compression.type` lz4. Accepted, and without effect: our codec has one level.',
    { topicConfig: 'compression.lz4.level' },
  ),
  'compression.zstd.level': setting('Topics', int(-131072, 22), '3', 'Level for `compression.type` zstd.', {
    topicConfig: 'compression.zstd.level',
  }),
  'log.segment.bytes': setting(
    'Topics',
    int(1 << 20),
    String(GIBI),
    'A log segment is closed before it grows past this.',
    {
      topicConfig: 'segment.bytes',
    },
  ),
  'log.roll.ms': setting(
    'Topics',
    long(1),
    '604800000',
    'A log segment is closed when its records span more time than this.',
    { topicConfig: 'segment.ms', differs: 'Kafka writes the same seven days as `log.roll.hours`.' },
  ),
  'log.roll.jitter.ms': setting(
    'Topics',
    long(0),
    '0',
    'A log segment is closed earlier than `log.roll.ms` by a random time of at most this, so that not all roll at once.',
    { topicConfig: 'segment.jitter.ms', differs: 'Kafka’s is not set, and `log.roll.jitter.hours` is 0.' },
  ),
  'log.roll.jitter.hours': setting(
    'Topics',
    int(0),
    '0',
    'The same in hours; `log.roll.jitter.ms` overrides it.',
    { topicConfig: 'segment.jitter.ms' },
  ),
  'log.preallocate': setting(
    'Topics',
    boolean,
    'false',
    'Whether the file of a log segment has its full size from the start; it is cut to what it holds when it is closed.',
    { topicConfig: 'preallocate' },
  ),
  'log.index.interval.bytes': setting(
    'Topics',
    int(0),
    '4096',
    'At most one entry in the offset index for this many bytes of log.',
    { topicConfig: 'index.interval.bytes' },
  ),
  'log.index.size.max.bytes': setting(
    'Topics',
    int(4),
    '10485760',
    'Largest size of an index file; a full index closes the segment.',
    { topicConfig: 'segment.index.bytes' },
  ),
  'log.flush.interval.messages': setting(
    'Topics',
    long(1),
    '9223372036854775807',
    'Records after which the log is flushed to the device. With 1, what is acknowledged with acks=all survives power loss of all machines at once.',
    { topicConfig: 'flush.messages' },
  ),
  'log.flush.interval.ms': setting(
    'Topics',
    long(0),
    '9223372036854775807',
    'The longest time until a record is flushed to the device; the device is not waited for. The default leaves it to the operating system.',
    {
      topicConfig: 'flush.ms',
      differs: 'Kafka’s acts only with `log.flush.scheduler.interval.ms`, which is not needed here.',
    },
  ),
  'producer.id.expiration.ms': setting(
    'Topics',
    int(1),
    '86400000',
    'An idempotent producer that wrote nothing to a partition for so long is forgotten there.',
  ),
  'log.message.timestamp.type': setting(
    'Topics',
    oneOf('CreateTime', 'LogAppendTime'),
    'CreateTime',
    'Whether a record carries the time at which its producer made it or at which it was appended.',
    { topicConfig: 'message.timestamp.type' },
  ),
  'log.message.timestamp.before.max.ms': setting(
    'Topics',
    long(0),
    '9223372036854775807',
    'How far a record’s timestamp may lie in the past.',
    { topicConfig: 'message.timestamp.before.max.ms' },
  ),
  'log.message.timestamp.after.max.ms': setting(
    'Topics',
    long(0),
    '3600000',
    'How far a record’s timestamp may lie in the future.',
    { topicConfig: 'message.timestamp.after.max.ms' },
  ),
};

const replicationSettings = {
  'replica.lag.time.max.ms': setting(
    'Replication',
    long(1),
    '30000',
    'A follower that was not caught up with its leader for so long leaves the ISR.',
  ),
  'replica.fetch.wait.max.ms': setting(
    'Replication',
    int(0),
    '500',
    'How long a leader may hold a follower’s fetch that has nothing to answer.',
  ),
  'replica.fetch.min.bytes': setting('Replication', int(1), '1', 'Bytes that a follower’s fetch waits for.'),
  'replica.fetch.max.bytes': setting(
    'Replication',
    int(0),
    '1048576',
    'Bytes of one partition that a follower asks for at once. A larger first batch still comes through.',
  ),
  'replica.fetch.response.max.bytes': setting(
    'Replication',
    int(0),
    '10485760',
    'Bytes of a whole answer that a follower asks for.',
  ),
  'replica.fetch.backoff.ms': setting(
    'Replication',
    int(0),
    '100',
    'Pause of a follower after an error, for the partition or the connection.',
    { differs: `Kafka: 1000. ${FAILOVER}` },
  ),
  'replica.socket.timeout.ms': setting(
    'Replication',
    int(1),
    '30000',
    'A follower replaces a connection on which its request got no answer for so long.',
  ),
  'replica.high.watermark.checkpoint.interval.ms': setting(
    'Replication',
    long(1),
    '5000',
    'How often high watermarks are written to disk.',
  ),
  'fetch.max.bytes': setting(
    'Replication',
    int(1024),
    '57671680',
    'The most that one fetch of a consumer or follower is answered with.',
  ),
  'max.incremental.fetch.session.cache.slots': setting(
    'Replication',
    int(0),
    '1000',
    'Incremental fetch sessions (KIP-227) that a broker keeps; clients above that fetch without one.',
  ),
};

const connectionSettings = {
  'socket.request.max.bytes': setting(
    'Connections',
    int(1),
    '104857600',
    'Largest request in bytes. A larger one closes the connection, and so does one that neither produces nor creates nor deletes and has more than 2 MiB and 1 KiB for each partition of the cluster.',
  ),
  'queued.max.request.bytes': setting(
    'Connections',
    long(1),
    '268435456',
    'Bytes of requests (as they came, and as they are decoded) and of answers held in memory, for all connections together. Above it no connection is read, and consumers are given no records; one answer takes at most a quarter of what is left.',
    { differs: 'Kafka has no limit (-1) by default.' },
  ),
  'max.connections': setting(
    'Connections',
    int(0),
    '2147483647',
    'Connections that a broker accepts. One more is closed at once.',
  ),
  'max.connections.per.ip': setting(
    'Connections',
    int(0),
    '2147483647',
    'Connections that a broker accepts from one address. One more is closed at once.',
  ),
  'connections.max.idle.ms': setting(
    'Connections',
    long(1),
    '600000',
    'A connection on which nothing happened for so long is closed.',
  ),
  'max.request.partition.size.limit': setting(
    'Connections',
    int(1),
    '2000',
    'Partitions in one answer to DescribeTopicPartitions.',
  ),
};

const operationSettings = {
  'min.free.bytes': setting(
    'Operation',
    long(0),
    '104857600',
    'The node does not start with less free space than this on the device of `log.dirs`.',
    { differs: OURS },
  ),
  'health.port': setting(
    'Operation',
    optional(int(0, 65535)),
    '',
    'Port of a small HTTP server on all interfaces: `GET /health` answers 200 while the broker is unfenced, or the controller knows who leads the quorum, else 503. Not set: none.',
    { differs: OURS },
  ),
  'logger.level': setting(
    'Operation',
    oneOf('debug', 'info', 'warn', 'error', 'silent'),
    'info',
    'Events below this level are not written to standard output.',
    { differs: OURS },
  ),
  'logger.format': setting(
    'Operation',
    oneOf('auto', 'json', 'pretty'),
    'auto',
    'One JSON object a line, or coloured text; auto is text on a terminal and JSON elsewhere.',
    { differs: OURS },
  ),
};

export const settingsTable = {
  ...nodeSettings,
  ...quorumSettings,
  ...topicSettings,
  ...replicationSettings,
  ...connectionSettings,
  ...operationSettings,
};

export type SettingName = keyof typeof settingsTable;
/** The values of all settings, by property name. */
export type Settings = {
  readonly [N in SettingName]: TypeOfSetting<(typeof settingsTable)[N]['type']>;
};

export const settingNames = Object.keys(settingsTable) as SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingsTable, name);
}
