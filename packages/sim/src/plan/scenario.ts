/**
 * The scenario of a seed: the size of the cluster, settings, topics, clients and network. Each seed draws
 * another combination (swarm testing), because some bugs appear only in an unusual combination.
 */
import type { Prng } from '@millrace/base';
import type { ClusterPlan } from '../cluster/index.ts';
import type { NetworkOptions } from '../net/index.ts';

export type TopicPlan = {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
};

export interface Scenario {
  readonly cluster: ClusterPlan;
  readonly network: NetworkOptions;
  /** Largest initial error of wall clocks, in milliseconds. The first peace sets the clocks right. */
  readonly clockSkewMs: number;
  /** Largest drift of monotonic clocks, in millionths. */
  readonly clockDriftPpm: number;
  readonly topics: readonly TopicPlan[];
  /** Whether every topic has flush.messages=1. If so, all machines may lose power at once. */
  readonly everythingIsSynced: boolean;
  readonly producers: number;
  readonly consumers: number;
  /** Number of topics that brokers create when a client first asks for them. */
  readonly autoTopics: number;
  /** Average time between two batches of a producer. */
  readonly paceMs: number;
  /** Whether the first incident begins at once. Otherwise it waits until the cluster is ready. */
  readonly faultsFromTheStart: boolean;
  /** Number of clients that store offsets without being members of a group. */
  readonly committers: number;
  /** Number of members of a classic group. */
  readonly classicMembers: number;
  /** Number of members of a KIP-848 group. */
  readonly consumerMembers: number;
  /** Number of members of a group in which each process may use either protocol. */
  readonly mixedMembers: number;
  /** Whether the run has a prober. Every seed has one; only an override can leave it out. */
  readonly prober: boolean;
  /** Average pause of the prober between two probes. */
  readonly proberPaceMs: number;
}

const one = <T>(random: Prng, list: readonly T[]): T => list[random.below(list.length)]!;

/** In one run of this many, the topic `EXPIRING_TOPIC` has a short retention. */
const EXPIRES_ONE_IN = 6;
const EXPIRING_TOPIC = 'events-1';

/** In one run of this many, there is one more topic, whose records have keys. */
const KEYED_ONE_IN = 3;
const KEYED_TOPIC = 'keys-1';

/** Whether the records of the topic have keys. */
export function isKeyed(topic: string): boolean {
  return topic.startsWith('keys-');
}

/** In some runs jobs check all batches, or all batches that are not small. */
const LOOP_WORK = [undefined, undefined, undefined, undefined, undefined, 2_000, 500, 0];

/** In some runs a controller or broker that catches up needs many fetches. */
const QUORUM_FETCH_BYTES = [undefined, undefined, undefined, undefined, undefined, 1, 200, 2_000];

/** With this pace, the prober sends a probe of each kind in about a minute. */
const PROBER_PACE_MS = 4_000;

/** How often a broker looks for expired records and segments; undefined: as in production. */
const RETENTION_LOOKS_MS = [undefined, undefined, '250', '1000', '5000'];

const CREATES_TOPICS: Readonly<Record<string, string>> = {
  'auto.create.topics.enable': 'true',
  'num.partitions': '2',
};

export function drawScenario(random: Prng): Scenario {
  const controllers = one(random, [3, 3, 3, 3, 3, 3, 1, 5]);
  const size = drawSize(random.fork('size'));
  const brokers = size.brokers ?? one(random, [3, 3, 3, 3, 3, 3, 2, 4]);
  const everythingIsSynced = random.below(4) === 0;
  const expires = random.fork('short retention').below(EXPIRES_ONE_IN) === 0;
  const hasKeys = random.fork('keys').below(KEYED_ONE_IN) === 0;
  const createsTopics = !everythingIsSynced && random.fork('automatic creation').below(4) === 0;
  return {
    cluster: {
      controllers,
      brokers,
      combined: random.below(10) === 0,
      settings: {
        ...drawSettings(random),
        ...drawLimits(random.fork('limits')),
        ...drawGroupSettings(random.fork('settings of groups')),
        ...drawRetentionLooks(random.fork('looks of retention'), expires || hasKeys),
        ...drawSnapshots(random.fork('snapshots')),
        ...drawCompaction(random.fork('compaction')),
        ...drawOpenFiles(random.fork('open files')),
        ...(hasKeys ? drawCleanerPace(random.fork('pace of the cleaner')) : {}),
        ...(createsTopics
          ? { ...CREATES_TOPICS, 'default.replication.factor': String(Math.min(3, brokers)) }
          : {}),
      },
      nodeSettings: drawNodeSettings(random.fork('settings of nodes'), controllers + brokers),
      loopWorkMax: one(random.fork('loop work'), LOOP_WORK),
      quorumFetchMaxBytes: one(random.fork('quorum fetches'), QUORUM_FETCH_BYTES),
    },
    network: drawNetwork(random),
    clockSkewMs: one(random, [0, 0, 2_000, 1_200_000]),
    clockDriftPpm: one(random, [0, 0, 50, 500]),
    topics: [
      ...drawTopics(random, brokers),
      ...drawManyTopics(size.manyTopics, brokers),
      ...(hasKeys ? [drawKeyedTopic(random.fork('keyed topic'), brokers)] : []),
    ].map((topic) => ({
      ...topic,
      configs: {
        ...drawMinIsr(random.fork(`min ISR of ${topic.name}`), topic),
        ...drawSegments(random.fork(`segments of ${topic.name}`)),
        ...drawCompression(random.fork(`compression of ${topic.name}`)),
        ...(expires && topic.name === EXPIRING_TOPIC ? drawRetention(random.fork('retention')) : {}),
        ...(isKeyed(topic.name) ? drawCleanup(random.fork(`cleanup of ${topic.name}`)) : {}),
      },
    })),
    everythingIsSynced,
    producers: 2,
    consumers: 2,
    autoTopics: createsTopics ? 2 : 0,
    paceMs: one(random, [40, 80, 150, 300]),
    faultsFromTheStart: random.below(8) === 0,
    committers: one(random.fork('committers'), [0, 1, 2, 2, 3]),
    classicMembers: one(random.fork('classic members'), [0, 0, 2, 3]),
    consumerMembers: one(random.fork('consumer members'), [0, 0, 2, 3]),
    mixedMembers: one(random.fork('mixed members'), [0, 0, 0, 0, 2, 3]),
    prober: true,
    proberPaceMs: PROBER_PACE_MS,
  };
}

/** Many timeouts are shorter than in production, so that more happens in a short run. */
function drawSettings(random: Prng): Record<string, string> {
  return {
    'replica.lag.time.max.ms': one(random, ['1500', '3000', '10000']),
    'replica.fetch.wait.max.ms': one(random, ['100', '500']),
    'replica.socket.timeout.ms': one(random, ['2000', '5000']),
    'replica.high.watermark.checkpoint.interval.ms': one(random, ['500', '5000']),
    'replica.fetch.response.max.bytes': one(random, ['10485760', '30000']),
    'broker.session.timeout.ms': one(random, ['3000', '3000', '1500']),
    'broker.session.loss.grace.ms': one(random, ['100', '100', '0', '1000']),
    'broker.heartbeat.interval.ms': one(random, ['500', '200']),
    'connections.max.idle.ms': one(random, ['600000', '3000']),
    'auto.create.topics.enable': 'false',
    'delete.topic.enable': random.fork('deletion').below(10) === 0 ? 'false' : 'true',
  };
}

/** In some runs memory for requests is short, or a broker keeps few fetch sessions. */
function drawLimits(random: Prng): Record<string, string> {
  return {
    'queued.max.request.bytes': one(random, ['268435456', '268435456', '268435456', '200000']),
    'max.incremental.fetch.session.cache.slots': one(random, ['1000', '1000', '1000', '3']),
  };
}

/** Controllers take snapshots often, so that they delete the metadata log while faults strike. */
function drawSnapshots(random: Prng): Record<string, string> {
  return {
    'metadata.log.max.record.bytes.between.snapshots': one(random, ['200', '500', '500', '2000']),
    'metadata.log.max.snapshot.interval.ms': one(random, ['0', '0', '1000', '10000']),
  };
}

/**
 * The topic of the committed offsets has few partitions, so that groups share a coordinator. Timeouts are
 * short, so that more happens in a run.
 */
function drawGroupSettings(random: Prng): Record<string, string> {
  return {
    'offsets.topic.num.partitions': one(random, ['1', '2', '2', '3']),
    'offsets.commit.timeout.ms': one(random, ['500', '2000', '5000']),
    'group.min.session.timeout.ms': '500',
    'group.initial.rebalance.delay.ms': one(random, ['0', '300', '1000']),
    'group.consumer.min.session.timeout.ms': '500',
    'group.consumer.session.timeout.ms': one(random, ['1500', '3000']),
    'group.consumer.min.heartbeat.interval.ms': '100',
    'group.consumer.heartbeat.interval.ms': one(random, ['200', '500']),
    'group.consumer.assignment.interval.ms': one(random, ['0', '300', '1000']),
  };
}

/**
 * In two runs of three, brokers compact the topic of the committed offsets within the run: its segments are
 * short, and the log cleaner often looks for work. In some of these runs the cleaner has little memory, so
 * that one cleaning covers only a part of a log.
 */
function drawCompaction(random: Prng): Record<string, string> {
  if (random.below(3) === 0) return {};
  return {
    'log.roll.ms': one(random, ['300', '1000', '3000']),
    'log.cleaner.backoff.ms': one(random, ['50', '300', '1000']),
    'log.cleaner.min.cleanable.ratio': one(random, ['0', '0', '0.3']),
    'log.cleaner.delete.retention.ms': one(random, ['0', '2000', '86400000']),
    'log.cleaner.dedupe.buffer.size': one(random, ['1024', '134217728']),
    'log.cleaner.io.buffer.size': one(random, ['600', '20000', '524288']),
    'log.cleaner.threads': one(random, ['1', '2']),
    'log.segment.delete.delay.ms': one(random, ['0', '1000']),
  };
}

/** In one run of four a broker closes and opens files of its logs all the time. */
function drawOpenFiles(random: Prng): Record<string, string> {
  return random.below(4) === 0 ? { 'log.open.files.max': one(random, ['16', '20', '30']) } : {};
}

/**
 * In one run of three the nodes have different settings. A node's `min.insync.replicas` applies to topics
 * that do not set it.
 */
function drawNodeSettings(random: Prng, nodes: number): Record<string, Record<string, string>> {
  if (random.below(3) > 0) return {};
  const settings = (id: number): [string, Record<string, string>] => [
    String(id),
    {
      'broker.session.timeout.ms': one(random, ['1500', '3000', '5000']),
      'min.insync.replicas': one(random, ['1', '2', '2', '3']),
      'broker.rack': one(random, ['', 'rack-1', 'rack-2', 'rack-3']),
    },
  ];
  return Object.fromEntries(Array.from({ length: nodes }, (_unused, index) => settings(index + 1)));
}

/** A few runs have many brokers, or many topics. */
function drawSize(random: Prng): { readonly brokers?: number; readonly manyTopics: number } {
  const isLarge = random.below(24) === 0;
  const manyTopics = random.below(24) === 0 ? 8 + random.below(21) : 0;
  return isLarge ? { brokers: 5 + random.below(5), manyTopics } : { manyTopics };
}

function drawNetwork(random: Prng): NetworkOptions {
  return {
    delayUs: one(random, [100, 300, 2_000]),
    jitterUs: one(random, [50, 1_000, 20_000]),
    bytesPerSecond: one(random, [10_000_000, 100_000_000]),
    splitPerMille: one(random, [0, 20, 200]),
    connectTimeoutMs: one(random, [1_000, 3_000]),
    keepAliveMs: 4_000,
    lingerPerMille: one(random.fork('lingering'), [0, 0, 500, 1000]),
  };
}

/** The logs of some topics have many short segments. */
function drawSegments(random: Prng): Record<string, string> {
  const segmentMs = one(random, [undefined, undefined, '2000', '300']);
  return segmentMs === undefined ? {} : { 'segment.ms': segmentMs };
}

function drawRetentionLooks(random: Prng, expires: boolean): Record<string, string> {
  const everyMs = one(random, expires ? ['250', '1000'] : RETENTION_LOOKS_MS);
  if (everyMs === undefined) return {};
  return { 'log.initial.task.delay.ms': '200', 'log.retention.check.interval.ms': everyMs };
}

/** The records expire after some seconds, whether clients have read them by then or not. */
function drawRetention(random: Prng): Record<string, string> {
  return {
    'segment.ms': one(random, ['300', '1000']),
    'retention.ms': one(random, ['1500', '5000', '15000']),
    'file.delete.delay.ms': one(random, ['0', '1000', '60000']),
  };
}

/** The brokers look for logs to compact so often that they compact a topic within the run. */
function drawCleanerPace(random: Prng): Record<string, string> {
  return { 'log.cleaner.backoff.ms': one(random, ['50', '300', '1000']) };
}

/** The logs have short segments, and brokers compact them, or remove their old records, or both. */
function drawCleanup(random: Prng): Record<string, string> {
  return {
    'cleanup.policy': one(random, ['compact', 'compact', 'compact,delete', 'delete']),
    'segment.ms': one(random, ['300', '300', '1000']),
    'min.cleanable.dirty.ratio': one(random, ['0', '0', '0.1', '0.5']),
    'delete.retention.ms': one(random, ['0', '500', '3000', '86400000', '86400000']),
    'min.compaction.lag.ms': one(random, ['0', '0', '1000', '5000']),
    'retention.ms': one(random, ['2000', '8000', '604800000']),
    'file.delete.delay.ms': one(random, ['0', '1000']),
  };
}

/** Some topics set compression.type, most often to another codec than that of the producers' batches. */
function drawCompression(random: Prng): Record<string, string> {
  const type = one(random, [
    undefined,
    undefined,
    undefined,
    undefined,
    'zstd',
    'gzip',
    'lz4',
    'uncompressed',
  ]);
  return type === undefined ? {} : { 'compression.type': type };
}

function drawTopics(random: Prng, brokers: number): TopicPlan[] {
  const count = 1 + random.below(2);
  return Array.from({ length: count }, (_unused, index): TopicPlan => {
    const replicationFactor = Math.min(brokers, one(random, [3, 3, 3, 3, 2]));
    return {
      name: `events-${index + 1}`,
      partitions: 1 + random.below(3),
      replicationFactor,
      configs: { 'min.insync.replicas': one(random, ['1', '2', '2'].slice(0, replicationFactor)) },
    };
  });
}

/** Topics of one partition, for runs in which a broker hosts many replicas. */
function drawManyTopics(count: number, brokers: number): TopicPlan[] {
  const replicationFactor = Math.min(3, brokers);
  return Array.from(
    { length: count },
    (_unused, index): TopicPlan => ({
      name: `many-${index + 1}`,
      partitions: 1,
      replicationFactor,
      configs: { 'min.insync.replicas': '2' },
    }),
  );
}

function drawKeyedTopic(random: Prng, brokers: number): TopicPlan {
  const replicationFactor = Math.min(brokers, one(random, [3, 3, 3, 2]));
  return {
    name: KEYED_TOPIC,
    partitions: 1 + random.below(2),
    replicationFactor,
    configs: { 'min.insync.replicas': one(random, ['1', '2', '2'].slice(0, replicationFactor)) },
  };
}

/** Some topics do not set min.insync.replicas. Then the setting of their leader applies. */
function drawMinIsr(random: Prng, { configs }: TopicPlan): Readonly<Record<string, string>> {
  return random.below(3) === 0 ? {} : configs;
}
