/**
 * The settings of replication for the tests of this and of other packages. A test may replace single ones.
 */
import type { ReplicationConfig } from '../config.ts';

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
    producerIdExpirationMs: 86_400_000,
    loopWorkMax: 1_048_576,
    brokerProperties: new Map(),
    ...changes,
  };
}
