/**
 * A topic's settings as the log and the partition want them. What a setting falls back to is metadata's business.
 */
import type { LogConfig, TopicCompression } from '@millrace/log';
import { booleanOf, type ConfigLayers, effectiveTopicConfig, numberOf } from '@millrace/metadata';
import { Compression } from '@millrace/protocol';
import type { PartitionSettings } from './partition/partition.ts';

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

/** Undefined: `producer`, batches stay as they came. */
function compressionOf(text: (name: string) => string): TopicCompression | undefined {
  const found = CODECS.get(text('compression.type').trim());
  if (found === undefined) return undefined;
  const { codec, levelConfig } = found;
  return { codec, level: levelConfig === undefined ? undefined : numberOf(text(levelConfig)) };
}

/** Some things are settings of the broker, not of topics. */
export function topicSettings(
  layers: ConfigLayers,
  { producerIdExpirationMs, loopWorkMax }: Pick<LogConfig, 'producerIdExpirationMs' | 'loopWorkMax'>,
): TopicSettings {
  const text = (name: string) => effectiveTopicConfig(name, layers);
  const number = (name: string) => numberOf(text(name));
  const log: LogConfig = {
    segmentBytes: number('segment.bytes'),
    segmentMs: number('segment.ms'),
    segmentJitterMs: number('segment.jitter.ms'),
    preallocate: booleanOf(text('preallocate')),
    indexIntervalBytes: number('index.interval.bytes'),
    segmentIndexBytes: number('segment.index.bytes'),
    flushMessages: number('flush.messages'),
    producerIdExpirationMs,
    loopWorkMax,
    maxMessageBytes: number('max.message.bytes'),
    compression: compressionOf(text),
    isCompacted: /\bcompact\b/.test(text('cleanup.policy')),
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
