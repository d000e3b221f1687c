/** The settings that the tests of this package use. A test may replace single settings. */
import type { LogConfig } from '@millrace/log';
import type { ReplicationConfig } from '../../src/index.ts';

const WEEK_MS = 604_800_000;
const DAY_MS = 86_400_000;
/** Decompressed bytes that the event loop may handle in one turn. */
const LOOP_WORK_MAX = 1024 * 1024;

export function replicationConfig(changes: Partial<ReplicationConfig> = {}): ReplicationConfig {
  return {
    interBrokerListenerName: 'PLAINTEXT',
    replicaLagTimeMaxMs: 2000,
    fetchWaitMaxMs: 500,
    fetchMinBytes: 1,
    fetchMaxBytes: 1_048_576,
    fetchResponseMaxBytes: 10_485_760,
    fetchBackoffMs: 100,
    replicaSocketTimeoutMs: 30_000,
    consumerFetchMaxBytes: 57_671_680,
    maxFetchSessions: 1000,
    highWatermarkCheckpointIntervalMs: 5000,
    minFreeBytes: 0,
    retentionInitialDelayMs: 30_000,
    retentionCheckIntervalMs: 300_000,
    cleaner: {
      isEnabled: true,
      cleaningsMax: 1,
      dedupeBufferBytes: 134_217_728,
      loadFactor: 0.9,
      ioBufferBytes: 524_288,
      bytesPerSecondMax: Number.MAX_VALUE,
      backoffMs: 15_000,
    },
    alterPartitionRetryMs: 100,
    maxParkedFetches: 100_000,
    maxParkedDeletions: 20_000,
    maxResponseFrameBytes: 134_217_728,
    producerIdExpirationMs: DAY_MS,
    loopWorkMax: LOOP_WORK_MAX,
    brokerProperties: new Map(),
    ...changes,
  };
}

export const logConfig: LogConfig = {
  segmentBytes: 1_073_741_824,
  segmentMs: WEEK_MS,
  segmentJitterMs: 0,
  preallocate: false,
  indexIntervalBytes: 4096,
  segmentIndexBytes: 10_485_760,
  flushMessages: Number.MAX_SAFE_INTEGER,
  producerIdExpirationMs: DAY_MS,
  maxMessageBytes: 1_048_588,
  isCompacted: false,
  deleteRetentionMs: 86_400_000,
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deletesOldRecords: true,
  retentionMs: WEEK_MS,
  retentionBytes: -1,
  fileDeleteDelayMs: 60_000,
  compression: undefined,
  loopWorkMax: LOOP_WORK_MAX,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
};
