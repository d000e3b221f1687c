/**
 * The controller's settings. The node sets all of them. The comments give the property names that users set.
 */
import type { Millis, NodeId } from '@millrace/base';
import type { BrokerSetting } from '@millrace/metadata';

export interface ControllerConfig {
  /** `broker.session.timeout.ms`: the controller fences a broker when no heartbeat arrives for this long. */
  readonly sessionTimeoutMs: Millis;
  /**
   * `broker.session.loss.grace.ms`: how long the controller waits after the end of a broker's control stream
   * before it fences the broker.
   */
  readonly connectionLossGraceMs: Millis;
  /** `num.partitions`: the number of partitions if CreateTopics asks for -1. */
  readonly numPartitions: number;
  /** `default.replication.factor`: the replication factor if CreateTopics asks for -1. */
  readonly defaultReplicationFactor: number;
  /** `delete.topic.enable`: whether clients may delete topics. */
  readonly deleteTopicEnable: boolean;
  /**
   * Largest number of partitions that one CreateTopics or CreatePartitions request may create. CreateTopics
   * refuses every topic of a larger request; CreatePartitions refuses only the topics that do not fit.
   */
  readonly maxPartitionsPerRequest: number;
  /**
   * At this size, in bytes, the controller begins a new batch of the quorum's log: as much as one fetch
   * response carries.
   */
  readonly batchBytes: number;
  /** How many producer ids a broker gets at once. */
  readonly producerIdBlockSize: number;
  /** `node.id`: the controller uses the dynamic configs that are set for the broker with this id. */
  readonly nodeId: NodeId;
  /** All settings of brokers, by name: requests may alter the dynamic ones. */
  readonly brokerSettings: ReadonlyMap<string, BrokerSetting>;
  /** The values that configs of groups may have, by name of the config. */
  readonly groupConfigs: ReadonlyMap<string, GroupConfigLimits>;
  /** Properties set in this node's configuration. Unset topic configs fall back to them. */
  readonly serverProperties: ReadonlyMap<string, string>;
}

export interface GroupConfigLimits {
  readonly min: number;
  readonly max: number;
  /** The value of a group that does not set the config. */
  readonly fallback: number;
}
