/**
 * Assigns the values of the table to the packages, field by field. This file compiles only if every field
 * gets a value and every value has a receiver. The packages have no defaults of their own.
 */
import type { BrokerConfigEntry, FrontEndConfig, FrontEndLimits, LifecycleConfig } from '@millrace/broker';
import type { ControllerConfig } from '@millrace/controller';
import type {
  ClassicGroupConfig,
  ConsumerGroupConfig,
  GroupsConfig,
  OffsetsConfig,
  OffsetsTopicConfig,
} from '@millrace/coordinator';
import { groupConfigDefinitions } from '@millrace/metadata';
import type { QuorumConfig, SnapshotConfig } from '@millrace/raft';
import type { CleanerConfig, ReplicationConfig } from '@millrace/replication';
import { brokerSettings, isDynamic } from './broker-settings.ts';
import type { SettingDefinition } from './definition.ts';
import { computed, type FieldsOf, fill, type IsComplete, type ReceivedBy, type ValueName } from './fields.ts';
import type { NodeConfig } from './node-config.ts';
import { type SettingName, settingNames, settingsTable, type TopicSettingName } from './table.ts';

const quorumFields = {
  fetchTimeoutMs: 'controller.quorum.fetch.timeout.ms',
  electionTimeoutMs: 'controller.quorum.election.timeout.ms',
  retryBackoffMs: 'controller.quorum.retry.backoff.ms',
  fetchMaxWaitMs: computed(['controller.quorum.fetch.timeout.ms'], (values) =>
    Math.floor(values['controller.quorum.fetch.timeout.ms'] * 0.4),
  ),
  fetchMaxBytes: 'quorumFetchMaxBytes',
  commitMaxBytes: 'quorumCommitMaxBytes',
} as const satisfies FieldsOf<QuorumConfig>;

const snapshotFields = {
  maxBytes: 'metadata.log.max.record.bytes.between.snapshots',
  intervalMs: 'metadata.log.max.snapshot.interval.ms',
  partBytes: 'snapshotPartBytes',
} as const satisfies FieldsOf<SnapshotConfig>;

const controllerFields = {
  sessionTimeoutMs: 'broker.session.timeout.ms',
  connectionLossGraceMs: 'broker.session.loss.grace.ms',
  numPartitions: 'num.partitions',
  defaultReplicationFactor: 'default.replication.factor',
  deleteTopicEnable: 'delete.topic.enable',
  maxPartitionsPerRequest: 'maxPartitionsPerRequest',
  batchBytes: 'metadataBatchBytes',
  producerIdBlockSize: 'producerIdBlockSize',
  serverProperties: computed([], (_values, { explicit }) => explicit),
  nodeId: computed([], (_values, { nodeId }) => nodeId),
  brokerSettings: computed([], (_values, config) => brokerSettings(groupSettingBounds(config))),
  groupConfigs: computed([], (_values, config) => groupConfigLimits(config)),
} as const satisfies FieldsOf<ControllerConfig>;

const cleanerFields = {
  isEnabled: 'log.cleaner.enable',
  cleaningsMax: 'log.cleaner.threads',
  dedupeBufferBytes: 'log.cleaner.dedupe.buffer.size',
  loadFactor: 'log.cleaner.io.buffer.load.factor',
  ioBufferBytes: 'log.cleaner.io.buffer.size',
  bytesPerSecondMax: 'log.cleaner.io.max.bytes.per.second',
  backoffMs: 'log.cleaner.backoff.ms',
} as const satisfies FieldsOf<CleanerConfig>;

const replicationFields = {
  interBrokerListenerName: computed([], (_values, { interBrokerListenerName }) => interBrokerListenerName),
  replicaLagTimeMaxMs: 'replica.lag.time.max.ms',
  fetchWaitMaxMs: 'replica.fetch.wait.max.ms',
  fetchMinBytes: 'replica.fetch.min.bytes',
  fetchMaxBytes: 'replica.fetch.max.bytes',
  fetchResponseMaxBytes: 'replica.fetch.response.max.bytes',
  fetchBackoffMs: 'replica.fetch.backoff.ms',
  replicaSocketTimeoutMs: 'replica.socket.timeout.ms',
  consumerFetchMaxBytes: 'fetch.max.bytes',
  maxFetchSessions: 'max.incremental.fetch.session.cache.slots',
  highWatermarkCheckpointIntervalMs: 'replica.high.watermark.checkpoint.interval.ms',
  minFreeBytes: 'min.free.bytes',
  retentionInitialDelayMs: 'log.initial.task.delay.ms',
  retentionCheckIntervalMs: 'log.retention.check.interval.ms',
  cleaner: computed([], (_values, config) => fill<CleanerConfig>(cleanerFields, config)),
  alterPartitionRetryMs: 'alterPartitionRetryMs',
  maxParkedFetches: 'maxParkedFetches',
  maxParkedDeletions: 'maxParkedDeletions',
  // A response may exceed the requested size by one batch. No batch is larger than a request may be.
  maxResponseFrameBytes: computed(
    ['responseFrameBytesMaxFloor', 'replica.fetch.response.max.bytes', 'socket.request.max.bytes'],
    (values) =>
      Math.max(
        values.responseFrameBytesMaxFloor,
        values['replica.fetch.response.max.bytes'] + values['socket.request.max.bytes'],
      ),
  ),
  producerIdExpirationMs: 'producer.id.expiration.ms',
  loopWorkMax: 'loopWorkMax',
  brokerProperties: computed([], (_values, { explicit }) => explicit),
} as const satisfies FieldsOf<ReplicationConfig>;

const limitFields = {
  requestMaxBytes: 'socket.request.max.bytes',
  queuedMaxBytes: 'queued.max.request.bytes',
  connectionMaxRequests: 'connectionMaxRequests',
  connectionMaxBytes: 'connectionMaxBytes',
  maxConnections: 'max.connections',
  maxConnectionsPerIp: 'max.connections.per.ip',
  idleMs: 'connections.max.idle.ms',
  stalledPeerMs: 'stalledPeerMs',
  closeGraceMs: 'closeGraceMs',
} as const satisfies FieldsOf<FrontEndLimits>;

const frontEndFields = {
  exemptListenerName: computed([], (_values, { brokerListeners, interBrokerListenerName }) =>
    brokerListeners.length > 1 ? interBrokerListenerName : undefined,
  ),
  limits: computed([], (_values, config) => fill<FrontEndLimits>(limitFields, config)),
  autoCreateTopics: 'auto.create.topics.enable',
  describePartitionsMax: 'max.request.partition.size.limit',
  offsetsTopic: computed([], (_values, config) => fill<OffsetsTopicConfig>(offsetsTopicFields, config)),
  properties: computed([], (_values, config) => brokerProperties(config)),
} as const satisfies FieldsOf<FrontEndConfig>;

const lifecycleFields = {
  sessionTimeoutMs: 'broker.session.timeout.ms',
  minInsyncReplicas: 'min.insync.replicas',
  heartbeatIntervalMs: 'broker.heartbeat.interval.ms',
  controlledShutdownMaxMs: 'controlledShutdownMaxMs',
} as const satisfies FieldsOf<LifecycleConfig>;

const classicGroupFields = {
  minSessionTimeoutMs: 'group.min.session.timeout.ms',
  maxSessionTimeoutMs: 'group.max.session.timeout.ms',
  initialRebalanceDelayMs: 'group.initial.rebalance.delay.ms',
  maxSize: 'group.max.size',
} as const satisfies FieldsOf<ClassicGroupConfig>;

const consumerGroupFields = {
  sessionTimeoutMs: 'group.consumer.session.timeout.ms',
  heartbeatIntervalMs: 'group.consumer.heartbeat.interval.ms',
  maxSize: 'group.consumer.max.size',
  assignors: 'group.consumer.assignors',
  migrationPolicy: 'group.consumer.migration.policy',
  assignmentIntervalMs: 'group.consumer.assignment.interval.ms',
  regexRefreshIntervalMs: 'group.consumer.regex.refresh.interval.ms',
} as const satisfies FieldsOf<ConsumerGroupConfig>;

const offsetsFields = {
  metadataMaxChars: 'offset.metadata.max.bytes',
  retentionMs: computed(
    ['offsets.retention.minutes'],
    (values) => values['offsets.retention.minutes'] * 60_000,
  ),
  retentionCheckIntervalMs: 'offsets.retention.check.interval.ms',
} as const satisfies FieldsOf<OffsetsConfig>;

const offsetsTopicFields = {
  partitions: 'offsets.topic.num.partitions',
  replicationFactor: computed(['offsets.topic.replication.factor'], (values, { explicit }) =>
    explicit.has('offsets.topic.replication.factor') ? values['offsets.topic.replication.factor'] : undefined,
  ),
  segmentBytes: 'offsets.topic.segment.bytes',
} as const satisfies FieldsOf<OffsetsTopicConfig>;

const groupsFields = {
  brokerId: computed([], (_values, { nodeId }) => nodeId),
  classic: computed([], (_values, config) => fill<ClassicGroupConfig>(classicGroupFields, config)),
  consumer: computed([], (_values, config) => fill<ConsumerGroupConfig>(consumerGroupFields, config)),
  offsets: computed([], (_values, config) => fill<OffsetsConfig>(offsetsFields, config)),
  commitTimeoutMs: 'offsets.commit.timeout.ms',
} as const satisfies FieldsOf<GroupsConfig>;

/** The settings that the node itself reads, in node-config.ts, start-node.ts and broker-config.ts. */
export const ownSettings = [
  'process.roles',
  'node.id',
  'listeners',
  'advertised.listeners',
  'listener.security.protocol.map',
  'inter.broker.listener.name',
  'controller.listener.names',
  'log.dirs',
  'log.open.files.max',
  'broker.rack',
  'controller.quorum.voters',
  'min.free.bytes',
  'group.consumer.min.session.timeout.ms',
  'group.consumer.max.session.timeout.ms',
  'group.consumer.min.heartbeat.interval.ms',
  'group.consumer.max.heartbeat.interval.ms',
  'group.consumer.min.assignment.interval.ms',
  'group.consumer.max.assignment.interval.ms',
  'health.port',
  'metrics.group.lag.max.series',
  'logger.level',
  'logger.format',
] as const satisfies readonly SettingName[];

/**
 * All values that a package or the node itself receives. Each topic setting counts as received, because the
 * packages get the texts of all settings that the user set (`explicit`). In these texts,
 * metadata/src/topic-config.ts finds the values of topic configs.
 */
export type Received =
  | ReceivedBy<typeof quorumFields>
  | ReceivedBy<typeof snapshotFields>
  | ReceivedBy<typeof controllerFields>
  | ReceivedBy<typeof replicationFields>
  | ReceivedBy<typeof cleanerFields>
  | ReceivedBy<typeof limitFields>
  | ReceivedBy<typeof frontEndFields>
  | ReceivedBy<typeof lifecycleFields>
  | ReceivedBy<typeof classicGroupFields>
  | ReceivedBy<typeof consumerGroupFields>
  | ReceivedBy<typeof offsetsFields>
  | ReceivedBy<typeof offsetsTopicFields>
  | ReceivedBy<typeof groupsFields>
  | (typeof ownSettings)[number]
  | TopicSettingName;

/** Does not compile while a value of the table has no receiver. */
export const isEveryValueReceived: IsComplete<ValueName, Received> = true;

export function quorumConfig(config: NodeConfig): QuorumConfig {
  return fill<QuorumConfig>(quorumFields, config);
}

export function snapshotConfig(config: NodeConfig): SnapshotConfig {
  return fill<SnapshotConfig>(snapshotFields, config);
}

export function controllerConfig(config: NodeConfig): ControllerConfig {
  return fill<ControllerConfig>(controllerFields, config);
}

export function replicationConfig(config: NodeConfig): ReplicationConfig {
  return fill<ReplicationConfig>(replicationFields, config);
}

export function frontEndConfig(config: NodeConfig): FrontEndConfig {
  return fill<FrontEndConfig>(frontEndFields, config);
}

export function groupsConfig(config: NodeConfig): GroupsConfig {
  return fill<GroupsConfig>(groupsFields, config);
}

export function lifecycleConfig(config: NodeConfig): LifecycleConfig {
  return fill<LifecycleConfig>(lifecycleFields, config);
}

function groupConfigLimits({ settings }: NodeConfig): ControllerConfig['groupConfigs'] {
  const numberOf = (name: string) => settings[name as SettingName] as number;
  return new Map(
    groupConfigDefinitions.map(({ name, serverProperty, minProperty, maxProperty }) => [
      name,
      { min: numberOf(minProperty), max: numberOf(maxProperty), fallback: numberOf(serverProperty) },
    ]),
  );
}

/** For each group setting: the smallest and largest value that other settings of this node allow. */
function groupSettingBounds(config: NodeConfig) {
  const limits = groupConfigLimits(config);
  return new Map(
    groupConfigDefinitions.map(({ name, serverProperty }) => [serverProperty, limits.get(name)!]),
  );
}

/** Every setting in the form that DescribeConfigs returns. */
function brokerProperties({ explicit }: NodeConfig): BrokerConfigEntry[] {
  return settingNames.map((name) => {
    const definition: SettingDefinition<unknown> = settingsTable[name];
    const fallback =
      definition.default === undefined || definition.default === '' ? null : definition.default;
    return {
      name,
      value: explicit.get(name) ?? fallback,
      defaultValue: fallback,
      source: explicit.has(name) ? 'static' : 'default',
      type: definition.type.name,
      documentation: definition.documentation,
      sensitive: false,
      isDynamic: isDynamic(name, definition),
    };
  });
}
