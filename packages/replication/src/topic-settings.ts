/**
 * A topic's settings as the log and the partition want them: what was set on the topic, else the broker's value, else
 * Kafka's default. Values were validated by the controller; one that cannot be read falls back.
 */
import { DEFAULT_LOG_CONFIG, type LogConfig } from '@millrace/log';
import type { PartitionSettings } from './partition.ts';

export interface TopicSettings {
  readonly log: LogConfig;
  readonly partition: PartitionSettings;
}

export function topicSettings(
  own: ReadonlyMap<string, string>,
  defaults: ReadonlyMap<string, string>,
): TopicSettings {
  const text = (name: string) => own.get(name) ?? defaults.get(name);
  const number = (name: string, fallback: number) => {
    const value = text(name);
    if (value === undefined || !/^-?\d+$/.test(value)) return fallback;
    // Kafka's "unlimited" is the largest int64.
    return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
  };
  const base = DEFAULT_LOG_CONFIG;
  const log: LogConfig = {
    segmentBytes: number('segment.bytes', base.segmentBytes),
    segmentMs: number('segment.ms', base.segmentMs),
    indexIntervalBytes: number('index.interval.bytes', base.indexIntervalBytes),
    segmentIndexBytes: number('segment.index.bytes', base.segmentIndexBytes),
    flushMessages: number('flush.messages', base.flushMessages),
    producerIdExpirationMs: number('producer.id.expiration.ms', base.producerIdExpirationMs),
    maxMessageBytes: number('max.message.bytes', base.maxMessageBytes),
    timestampType: text('message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms', base.timestampBeforeMaxMs),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms', base.timestampAfterMaxMs),
  };
  return {
    log,
    partition: {
      minInsyncReplicas: number('min.insync.replicas', 1),
      syncsBeforeAck: log.flushMessages === 1,
    },
  };
}
