/** The settings under which the tests of this package run, unless a test gives others. */
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
    serverProperties: new Map(),
    ...changes,
  };
}
