/**
 * The settings of group coordination. The node sets all of them. The package `coordinator` has no defaults.
 */
import type { Millis, NodeId } from '@millrace/base';

/** Settings of classic groups. */
export interface ClassicGroupConfig {
  /** `group.min.session.timeout.ms`: the coordinator refuses members with a shorter session. */
  readonly minSessionTimeoutMs: Millis;
  /** `group.max.session.timeout.ms`: the coordinator refuses members with a longer session. */
  readonly maxSessionTimeoutMs: Millis;
  /** `group.initial.rebalance.delay.ms`: how long the first rebalance of an empty group waits for members. */
  readonly initialRebalanceDelayMs: Millis;
  /** `group.max.size`: the most members of a group. */
  readonly maxSize: number;
}

export type AssignorName = 'uniform' | 'range';

export type MigrationPolicy = 'disabled' | 'downgrade' | 'upgrade' | 'bidirectional';

/** Settings of KIP-848 groups. */
export interface ConsumerGroupConfig {
  /** `group.consumer.session.timeout.ms` */
  readonly sessionTimeoutMs: Millis;
  /** `group.consumer.heartbeat.interval.ms`: the interval that the coordinator tells the members. */
  readonly heartbeatIntervalMs: Millis;
  /** `group.consumer.max.size`: the most members of a group. */
  readonly maxSize: number;
  /** `group.consumer.assignors`: the assignors that a member may ask for; the first is the default. */
  readonly assignors: readonly AssignorName[];
  /** `group.consumer.migration.policy` */
  readonly migrationPolicy: MigrationPolicy;
  /** `group.consumer.assignment.interval.ms`: the shortest time between two assignments of a group. */
  readonly assignmentIntervalMs: Millis;
  /**
   * `group.consumer.regex.refresh.interval.ms`: after this time the coordinator matches the regular
   * expressions of a group with the topics again.
   */
  readonly regexRefreshIntervalMs: Millis;
}

/** Settings of committed offsets. */
export interface OffsetsConfig {
  /** `offset.metadata.max.bytes`: the longest metadata of a committed offset, in UTF-16 code units. */
  readonly metadataMaxChars: number;
  /** `offsets.retention.minutes`, in milliseconds. */
  readonly retentionMs: Millis;
  /** `offsets.retention.check.interval.ms` */
  readonly retentionCheckIntervalMs: Millis;
}

/**
 * Settings of the internal topic `__consumer_offsets`. The broker uses them only when it creates the topic.
 */
export interface OffsetsTopicConfig {
  /** `offsets.topic.num.partitions` */
  readonly partitions: number;
  /**
   * `offsets.topic.replication.factor`. Undefined: the user did not set it. Then the topic has three
   * replicas. If fewer than three brokers are registered, it has one replica for each of them.
   */
  readonly replicationFactor: number | undefined;
  /** `offsets.topic.segment.bytes` */
  readonly segmentBytes: number;
}

export interface GroupsConfig {
  /** `node.id`: the dynamic configs of this broker count for its groups. */
  readonly brokerId: NodeId;
  readonly classic: ClassicGroupConfig;
  readonly consumer: ConsumerGroupConfig;
  readonly offsets: OffsetsConfig;
  /** `offsets.commit.timeout.ms`: the longest time that an answer waits for the commit of its records. */
  readonly commitTimeoutMs: Millis;
}
