/** From settings to what the quorum and the controller are told. */
import type { ControllerConfig } from '@millrace/controller';
import type { QuorumConfig } from '@millrace/raft';
import type { NodeConfig } from '../config/index.ts';

export function quorumConfig({ settings }: NodeConfig): Partial<QuorumConfig> {
  const fetchTimeoutMs = settings['controller.quorum.fetch.timeout.ms'];
  return {
    fetchTimeoutMs,
    electionTimeoutMs: settings['controller.quorum.election.timeout.ms'],
    retryBackoffMs: settings['controller.quorum.retry.backoff.ms'],
    fetchMaxWaitMs: Math.floor(fetchTimeoutMs * 0.4),
  };
}

export function controllerConfig({ settings, explicit }: NodeConfig): Partial<ControllerConfig> {
  return {
    sessionTimeoutMs: settings['broker.session.timeout.ms'],
    connectionLossGraceMs: settings['broker.session.loss.grace.ms'],
    numPartitions: settings['num.partitions'],
    defaultReplicationFactor: settings['default.replication.factor'],
    deleteTopicEnable: settings['delete.topic.enable'],
    serverProperties: explicit,
  };
}
