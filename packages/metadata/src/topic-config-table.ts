/**
 * The table of topic configs: names, types, defaults and limits as in Kafka 4.3, and the broker properties
 * that supply the defaults. The allowed values differ from Kafka's where Millrace lacks a feature (`only`).
 */

export type ConfigType = 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list';

export interface Definition {
  readonly name: string;
  readonly type: ConfigType;
  readonly defaultValue: string;
  /**
   * The broker properties that set the default of this config, the strongest first. The property's value
   * times `factor` has the topic config's unit.
   */
  readonly serverProperties: readonly { readonly name: string; readonly factor: number }[];
  readonly documentation: string;
  /** Returns the error of an invalid value, or undefined. */
  check(value: string): string | undefined;
}

type Check = (value: string) => string | undefined;
type Source = string | readonly (string | readonly [name: string, factor: number])[];

const INT_MAX = 2_147_483_647n;
const LONG_MAX = 9_223_372_036_854_775_807n;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

function define(
  name: string,
  type: ConfigType,
  defaultValue: string,
  check: Check,
  source: Source,
  documentation: string,
): Definition {
  const sources = typeof source === 'string' ? [source] : source;
  const serverProperties = sources.map((entry) =>
    typeof entry === 'string' ? { name: entry, factor: 1 } : { name: entry[0], factor: entry[1] },
  );
  return { name, type, defaultValue, serverProperties, documentation, check };
}

function whole(min: bigint, max: bigint): Check {
  return (value) => {
    const text = value.trim();
    if (!/^[+-]?\d{1,19}$/.test(text)) return 'not a whole number';
    const number = BigInt(text.replace('+', ''));
    if (number < min) return `must be at least ${min}`;
    return number > max ? `must be at most ${max}` : undefined;
  };
}

const int = (min: number, max = INT_MAX): Check => whole(BigInt(min), max);
const long = (min: number): Check => whole(BigInt(min), LONG_MAX);

const bool: Check = (value) =>
  /^(true|false)$/i.test(value.trim()) ? undefined : "must be 'true' or 'false'";

const ratio: Check = (value) => {
  const number = value.trim() === '' ? Number.NaN : Number(value);
  return number >= 0 && number <= 1 ? undefined : 'must be a number from 0 to 1';
};

function oneOf(...allowed: string[]): Check {
  return (value) => (allowed.includes(value.trim()) ? undefined : `must be one of ${allowed.join(', ')}`);
}

function listOf(...allowed: string[]): Check {
  return (value) => {
    const items = value.trim() === '' ? [] : value.split(',').map((item) => item.trim());
    if (new Set(items).size < items.length) return 'contains a duplicate';
    return items.every((item) => allowed.includes(item)) ? undefined : `may only hold ${allowed.join(', ')}`;
  };
}

const gzipLevel: Check = (value) => (value.trim() === '-1' ? undefined : int(1, 9n)(value));

/**
 * Checks a config whose feature is missing. Accepts only the value that matches what the broker does, so that
 * nobody relies on another value.
 */
function only(value: string, reason: string): Check {
  return (given) => (given.trim().toLowerCase() === value ? undefined : `must be '${value}': ${reason}`);
}

const notTiered: Check = only('false', 'tiered storage is not supported');

const throttledReplicas: Check = (value) => {
  const items = value.split(',').map((item) => item.trim());
  const isAll = items.length === 1 && items[0] === '*';
  return isAll || items.every((item) => /^(\d+:\d+)?$/.test(item))
    ? undefined
    : "must be '*' or a list of partition:broker";
};

const LONG_MAX_TEXT = String(LONG_MAX);

export const definitions: readonly Definition[] = [
  define(
    'cleanup.policy',
    'list',
    'delete',
    listOf('compact', 'delete'),
    'log.cleanup.policy',
    'How old records are removed: delete removes old segments by time and size, compact keeps the latest record of each key and refuses records without a key; both may be set.',
  ),
  define(
    'compression.gzip.level',
    'int',
    '-1',
    gzipLevel,
    'compression.gzip.level',
    'Level for compression.type gzip, 1 to 9; -1 is the default of the library.',
  ),
  define(
    'compression.lz4.level',
    'int',
    '9',
    int(1, 17n),
    'compression.lz4.level',
    'Level for compression.type lz4. Stored but without effect: the codec has one level.',
  ),
  define(
    'compression.type',
    'string',
    'producer',
    oneOf('uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'),
    'compression.type',
    "Compression of batches in the log. The broker recompresses a batch that arrives in another compression. 'producer' keeps the producer's compression.",
  ),
  define(
    'compression.zstd.level',
    'int',
    '3',
    int(-131_072, 22n),
    'compression.zstd.level',
    'Level for compression.type zstd.',
  ),
  define(
    'delete.retention.ms',
    'long',
    '86400000',
    long(0),
    'log.cleaner.delete.retention.ms',
    'How long a compacted topic keeps the marker of a deleted key (a record without a value) after the first compaction of the marker.',
  ),
  define(
    'file.delete.delay.ms',
    'long',
    '60000',
    long(0),
    'log.segment.delete.delay.ms',
    'How long the files of a removed segment stay on the disk.',
  ),
  define(
    'flush.messages',
    'long',
    LONG_MAX_TEXT,
    long(1),
    'log.flush.interval.messages',
    'The broker syncs the log to the device after this many records. 1: every acknowledgement with acks=all survives a power loss of all machines, once the brokers of all replicas have applied the setting.',
  ),
  define(
    'flush.ms',
    'long',
    LONG_MAX_TEXT,
    long(0),
    ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
    'The longest time until a record is synced to the device.',
  ),
  define(
    'follower.replication.throttled.replicas',
    'list',
    '',
    throttledReplicas,
    [],
    'Replicas whose fetching is throttled, as partition:broker, or * for all. Stored but without effect until reassignment exists.',
  ),
  define(
    'index.interval.bytes',
    'int',
    '4096',
    int(0),
    'log.index.interval.bytes',
    'How many bytes of log there are between two index entries.',
  ),
  define(
    'leader.replication.throttled.replicas',
    'list',
    '',
    throttledReplicas,
    [],
    'Replicas to which leaders send at a throttled rate, as partition:broker, or * for all. Stored but without effect until reassignment exists.',
  ),
  define(
    'local.retention.bytes',
    'long',
    '-2',
    long(-2),
    'log.local.retention.bytes',
    'Bytes kept locally with tiered storage; -2 is retention.bytes. Stored but without effect.',
  ),
  define(
    'local.retention.ms',
    'long',
    '-2',
    long(-2),
    'log.local.retention.ms',
    'Time kept locally with tiered storage; -2 is retention.ms. Stored but without effect.',
  ),
  define(
    'max.compaction.lag.ms',
    'long',
    LONG_MAX_TEXT,
    long(1),
    'log.cleaner.max.compaction.lag.ms',
    'The broker compacts a log with an uncompacted record that is older than this, whatever min.cleanable.dirty.ratio says. It also closes a segment of a compacted topic that spans more time.',
  ),
  define(
    'max.message.bytes',
    'int',
    '1048588',
    int(0),
    'message.max.bytes',
    'The largest record batch that is accepted, compressed.',
  ),
  define(
    'message.timestamp.after.max.ms',
    'long',
    '3600000',
    long(0),
    'log.message.timestamp.after.max.ms',
    "How far a record's timestamp may lie in the future, with CreateTime.",
  ),
  define(
    'message.timestamp.before.max.ms',
    'long',
    LONG_MAX_TEXT,
    long(0),
    'log.message.timestamp.before.max.ms',
    "How far a record's timestamp may lie in the past, with CreateTime.",
  ),
  define(
    'message.timestamp.type',
    'string',
    'CreateTime',
    oneOf('CreateTime', 'LogAppendTime'),
    'log.message.timestamp.type',
    'Whether records carry the time of the producer or of the append.',
  ),
  define(
    'min.cleanable.dirty.ratio',
    'double',
    '0.5',
    ratio,
    'log.cleaner.min.cleanable.ratio',
    'The broker compacts a log when the share of bytes that were never compacted is larger than this.',
  ),
  define(
    'min.compaction.lag.ms',
    'long',
    '0',
    long(0),
    'log.cleaner.min.compaction.lag.ms',
    'The broker does not compact a segment with a record that is younger than this.',
  ),
  define(
    'min.insync.replicas',
    'int',
    '1',
    int(1),
    'min.insync.replicas',
    'The leader refuses acks=all while the ISR has fewer members than this.',
  ),
  define(
    'preallocate',
    'boolean',
    'false',
    bool,
    'log.preallocate',
    'Whether the broker creates segment files in their full size. When the broker closes a segment, it cuts off the unused end of the file.',
  ),
  define(
    'remote.log.copy.disable',
    'boolean',
    'false',
    notTiered,
    [],
    'Tiered storage: whether the broker stops copying segments. Not supported.',
  ),
  define(
    'remote.log.delete.on.disable',
    'boolean',
    'false',
    notTiered,
    [],
    'Tiered storage: whether disabling it deletes the remote data. Not supported.',
  ),
  define('remote.storage.enable', 'boolean', 'false', notTiered, [], 'Tiered storage. Not supported.'),
  define(
    'retention.bytes',
    'long',
    '-1',
    whole(-LONG_MAX - 1n, LONG_MAX),
    'log.retention.bytes',
    'The broker removes the oldest segments of a partition while the partition is larger than this. -1 means that there is no limit.',
  ),
  define(
    'retention.ms',
    'long',
    '604800000',
    long(-1),
    ['log.retention.ms', ['log.retention.minutes', MINUTE_MS], ['log.retention.hours', HOUR_MS]],
    'The broker removes a segment when all of its records are older than this. -1 means that there is no limit.',
  ),
  define(
    'segment.bytes',
    'int',
    '1073741824',
    int(1_048_576),
    'log.segment.bytes',
    'The largest size of a segment file.',
  ),
  define(
    'segment.index.bytes',
    'int',
    '10485760',
    int(4),
    'log.index.size.max.bytes',
    'The largest size of an index file.',
  ),
  define(
    'segment.jitter.ms',
    'long',
    '0',
    long(0),
    ['log.roll.jitter.ms', ['log.roll.jitter.hours', HOUR_MS]],
    'The broker closes a segment earlier than segment.ms by a random time up to this.',
  ),
  define(
    'segment.ms',
    'long',
    '604800000',
    long(1),
    ['log.roll.ms', ['log.roll.hours', HOUR_MS]],
    'The age at which the broker closes a segment even if it is not full.',
  ),
  define(
    'unclean.leader.election.enable',
    'boolean',
    'false',
    bool,
    'unclean.leader.election.enable',
    'Whether a replica that is not in sync may lead when no other can. Acknowledged records may be lost.',
  ),
];
