/** The settings that the tests of this package use. A test may replace single settings. */
import type { FrontEndConfig, FrontEndLimits, LifecycleConfig } from '../../src/index.ts';

export const lifecycleConfig: LifecycleConfig = {
  sessionTimeoutMs: 3_000,
  minInsyncReplicas: 1,
  heartbeatIntervalMs: 500,
  controlledShutdownMaxMs: 10_000,
};

export function frontEndConfig(
  changes: Partial<Omit<FrontEndConfig, 'limits'>> = {},
  limits: Partial<FrontEndLimits> = {},
): FrontEndConfig {
  return {
    limits: {
      requestMaxBytes: 104_857_600,
      queuedMaxBytes: 268_435_456,
      connectionMaxRequests: 128,
      connectionMaxBytes: 16_777_216,
      maxConnections: 2_147_483_647,
      maxConnectionsPerIp: 2_147_483_647,
      idleMs: 600_000,
      stalledPeerMs: 5_000,
      closeGraceMs: 1_000,
      ...limits,
    },
    exemptListenerName: undefined,
    autoCreateTopics: true,
    describePartitionsMax: 2000,
    offsetsTopic: { partitions: 50, replicationFactor: undefined, segmentBytes: 104_857_600 },
    properties: [],
    ...changes,
  };
}
