/**
 * A topic's settings, in the form that the log and the partition use. The metadata package decides the value
 * of a config that the topic does not set.
 */
import type { NodeId } from '@millrace/base';
import type { LogConfig, TopicCompression } from '@millrace/log';
import {
  booleanOf,
  type ConfigLayers,
  dynamicLayers,
  dynamicValue,
  effectiveTopicConfig,
  type MetadataDelta,
  type MetadataImage,
  numberOf,
} from '@millrace/metadata';
import { Compression } from '@millrace/protocol';
import type { ReplicationConfig } from './config.ts';
import type { Partition } from './partition/partition.ts';
import type { PartitionSettings } from './partition/settings.ts';

export interface TopicSettings {
  readonly log: LogConfig;
  readonly partition: PartitionSettings;
}

const CODECS: ReadonlyMap<string, { codec: Compression; levelConfig?: string }> = new Map([
  ['uncompressed', { codec: Compression.NONE }],
  ['gzip', { codec: Compression.GZIP, levelConfig: 'compression.gzip.level' }],
  ['snappy', { codec: Compression.SNAPPY }],
  ['lz4', { codec: Compression.LZ4 }],
  ['zstd', { codec: Compression.ZSTD, levelConfig: 'compression.zstd.level' }],
]);

/** Parses `compression.type`. Undefined for `producer`: batches keep the client's compression. */
function compressionOf(text: (name: string) => string): TopicCompression | undefined {
  const found = CODECS.get(text('compression.type'));
  if (found === undefined) return undefined;
  const { codec, levelConfig } = found;
  return { codec, level: levelConfig === undefined ? undefined : numberOf(text(levelConfig)) };
}

/** Settings of the broker, not of a topic. */
type BrokerSettings = Pick<LogConfig, 'producerIdExpirationMs' | 'loopWorkMax'>;

const NOTHING_SET: ReadonlyMap<string, string> = new Map();

/**
 * The settings of topics. The broker may open a thousand logs in a row. So consecutive topics with the same
 * config layers share one object, and their configs are parsed once.
 */
export class TopicSettingsSource {
  private readonly brokerId: NodeId;
  private readonly broker: BrokerSettings & Pick<ReplicationConfig, 'brokerProperties'>;
  private last: { readonly layers: ConfigLayers; readonly settings: TopicSettings } | undefined;

  constructor(brokerId: NodeId, broker: BrokerSettings & Pick<ReplicationConfig, 'brokerProperties'>) {
    this.brokerId = brokerId;
    this.broker = broker;
  }

  /** `topic` undefined: the settings of a topic that sets no config. */
  of(image: MetadataImage, topic: string | undefined): TopicSettings {
    const layers: ConfigLayers = {
      topic: topic === undefined ? NOTHING_SET : image.topicConfig(topic),
      ...dynamicLayers(image, this.brokerId),
      staticBroker: this.broker.brokerProperties,
    };
    if (this.last === undefined || !areSame(this.last.layers, layers))
      this.last = { layers, settings: topicSettings(layers, this.broker) };
    return this.last.settings;
  }
}

/**
 * Whether the layers hold the same maps. An image never changes its maps, so a changed value means another
 * map.
 */
function areSame(a: ConfigLayers, b: ConfigLayers): boolean {
  return (
    a.topic === b.topic &&
    a.dynamicBroker === b.dynamicBroker &&
    a.dynamicDefault === b.dynamicDefault &&
    a.staticBroker === b.staticBroker
  );
}

function topicSettings(
  layers: ConfigLayers,
  { producerIdExpirationMs, loopWorkMax }: BrokerSettings,
): TopicSettings {
  // A valid value may have blanks around it, as in Kafka.
  const text = (name: string) => effectiveTopicConfig(name, layers).trim();
  const number = (name: string) => numberOf(text(name));
  const expiration = dynamicValue(layers, 'producer.id.expiration.ms');
  const isCompacted = /\bcompact\b/.test(text('cleanup.policy'));
  const maxCompactionLagMs = number('max.compaction.lag.ms');
  const log: LogConfig = {
    segmentBytes: number('segment.bytes'),
    // The cleaner never touches the active segment. So the log must begin a new segment before the records in
    // the active one are older than `max.compaction.lag.ms`.
    segmentMs: isCompacted ? Math.min(number('segment.ms'), maxCompactionLagMs) : number('segment.ms'),
    segmentJitterMs: number('segment.jitter.ms'),
    preallocate: booleanOf(text('preallocate')),
    indexIntervalBytes: number('index.interval.bytes'),
    segmentIndexBytes: number('segment.index.bytes'),
    flushMessages: number('flush.messages'),
    producerIdExpirationMs: expiration === undefined ? producerIdExpirationMs : numberOf(expiration),
    loopWorkMax,
    maxMessageBytes: number('max.message.bytes'),
    compression: compressionOf(text),
    isCompacted,
    deleteRetentionMs: number('delete.retention.ms'),
    minCleanableDirtyRatio: Number(text('min.cleanable.dirty.ratio')),
    minCompactionLagMs: number('min.compaction.lag.ms'),
    maxCompactionLagMs,
    deletesOldRecords: /\bdelete\b/.test(text('cleanup.policy')),
    retentionMs: number('retention.ms'),
    retentionBytes: number('retention.bytes'),
    fileDeleteDelayMs: number('file.delete.delay.ms'),
    timestampType: text('message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms'),
  };
  const flushMs = number('flush.ms');
  return {
    log,
    partition: {
      minInsyncReplicas: number('min.insync.replicas'),
      syncsBeforeAck: log.flushMessages === 1,
      flushMs: flushMs === Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : flushMs,
    },
  };
}

/**
 * Sets the settings, but does not act on them yet, because one delta may have new settings and a new
 * assignment. The caller then calls `assign`, and after that `settingsChanged`. So a leader never uses one of
 * two changes without the other. With a lowered min.insync.replicas but the earlier leader epoch, a deposed
 * leader would commit records that the new leader lacks. With a smaller ISR but the earlier
 * min.insync.replicas, a leader would commit records that the ELR lacks.
 */
export function takeSettings(replica: Partition, { log, partition }: TopicSettings): void {
  replica.log.setConfig(log);
  replica.settings = partition;
}

/**
 * The topics whose settings the delta may change. If broker configs changed, these are the topics of all
 * `replicas`.
 */
export function reconfiguredTopics(
  { changedBrokerConfigs, changedConfigs }: MetadataDelta,
  brokerId: NodeId,
  replicas: readonly Partition[],
): Iterable<string> {
  const isInherited = changedBrokerConfigs.has('') || changedBrokerConfigs.has(String(brokerId));
  return isInherited ? new Set(replicas.map(({ topic }) => topic)) : changedConfigs;
}
