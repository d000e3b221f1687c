/**
 * A topic's settings as the log and the partition want them. What a setting falls back to is metadata's business.
 */
import type { LogConfig } from '@millrace/log';
import { booleanOf, type ConfigLayers, effectiveTopicConfig, numberOf } from '@millrace/metadata';
import type { PartitionSettings } from './partition.ts';

export interface TopicSettings {
  readonly log: LogConfig;
  readonly partition: PartitionSettings;
}

/** `producerIdExpirationMs` is a setting of the broker, not of topics. */
export function topicSettings(layers: ConfigLayers, producerIdExpirationMs: number): TopicSettings {
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
    maxMessageBytes: number('max.message.bytes'),
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
