/** The controller's settings. Names of Kafka's properties in the comments. */
import type { Millis } from '@millrace/base';

export interface ControllerConfig {
  /** `broker.session.timeout.ms`: a broker that was silent for so long is fenced. */
  readonly sessionTimeoutMs: Millis;
  /** How long after the end of its control stream a broker may come back before it is fenced. */
  readonly connectionLossGraceMs: Millis;
  /** `num.partitions`, for CreateTopics with -1. */
  readonly numPartitions: number;
  /** `default.replication.factor`, for CreateTopics with -1. */
  readonly defaultReplicationFactor: number;
  /** `delete.topic.enable`. */
  readonly deleteTopicEnable: boolean;
  /** CreateTopics and CreatePartitions that would create more partitions at once are refused. */
  readonly maxPartitionsPerRequest: number;
  /** Where a batch of the quorum's log is closed: as much as one answer to a fetch carries. */
  readonly batchBytes: number;
  /** Producer ids handed to a broker at once. */
  readonly producerIdBlockSize: number;
  /** Properties set in this node's configuration; topic configs that were not set fall back to them. */
  readonly serverProperties: ReadonlyMap<string, string>;
}

export const defaultControllerConfig: ControllerConfig = {
  sessionTimeoutMs: 3000,
  connectionLossGraceMs: 100,
  numPartitions: 1,
  defaultReplicationFactor: 1,
  deleteTopicEnable: true,
  maxPartitionsPerRequest: 10_000,
  batchBytes: 1 << 20,
  producerIdBlockSize: 1000,
  serverProperties: new Map(),
};
