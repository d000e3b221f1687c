/** The settings that the tests of this package use. A test may replace single settings. */
import type { ControllerConfig } from '../../src/index.ts';

export function controllerConfig(changes: Partial<ControllerConfig> = {}): ControllerConfig {
  return {
    sessionTimeoutMs: 3000,
    connectionLossGraceMs: 100,
    numPartitions: 1,
    defaultReplicationFactor: 1,
    deleteTopicEnable: true,
    maxPartitionsPerRequest: 10_000,
    batchBytes: 1_048_576,
    producerIdBlockSize: 1000,
    nodeId: 100,
    brokerSettings: new Map(),
    groupConfigs: new Map(),
    serverProperties: new Map(),
    ...changes,
  };
}
