/** Makes the options of a broker's parts from the settings. */
import type { Clock, Disk, Jobs, Logger, Net, Random, Rpc } from '@millrace/base';
import type { BrokerConfigEntry, FrontEndConfig, LifecycleConfig } from '@millrace/broker';
import { DEFAULT_LIFECYCLE_CONFIG, DEFAULT_LIMITS } from '@millrace/broker';
import type { LogDirectory } from '@millrace/log';
import type { ListenerEndpoint } from '@millrace/metadata';
import type { Metrics } from '@millrace/metrics';
import type { CompressionCodecs } from '@millrace/protocol';
import { defaultReplicationConfig, type ReplicationConfig } from '@millrace/replication';
import type { SettingDefinition } from '../config/definition.ts';
import { type NodeConfig, settingNames, settingsTable } from '../config/index.ts';
import type { BrokerRoleOptions } from './broker-role.ts';
import { quorumConfig } from './controller-config.ts';

export interface BrokerSeams {
  readonly rpc: Rpc;
  readonly net: Net;
  readonly jobs: Jobs;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly logs: LogDirectory;
  readonly codecs: CompressionCodecs;
  /** Of this machine. A listener on all of its addresses advertises this name. */
  readonly hostname: string;
}

/** All options of a broker, except the receiver of its events. */
export function brokerOptions(
  config: NodeConfig,
  { hostname, ...seams }: BrokerSeams,
): Omit<BrokerRoleOptions, 'events' | 'hasLocalQuorum'> {
  return {
    ...seams,
    brokerId: config.nodeId,
    voters: config.voters,
    listeners: config.brokerListeners,
    advertised: (ports) => advertisedEndpoints(config, ports, hostname),
    rack: config.settings['broker.rack'],
    quorum: quorumConfig(config),
    replication: replicationConfig(config),
    frontEnd: frontEndConfig(config),
    lifecycle: lifecycleConfig(config),
  };
}

/** The addresses for clients, with port 0 and empty hosts filled in. */
function advertisedEndpoints(
  config: NodeConfig,
  ports: ReadonlyMap<string, number>,
  hostname: string,
): ListenerEndpoint[] {
  return config.advertisedListeners.map(({ name, host, port }) => ({
    name,
    host: host === '' || host === '0.0.0.0' || host === '::' ? hostname : host,
    port: port === 0 ? ports.get(name)! : port,
  }));
}

function lifecycleConfig({ settings }: NodeConfig): LifecycleConfig {
  return {
    ...DEFAULT_LIFECYCLE_CONFIG,
    sessionTimeoutMs: settings['broker.session.timeout.ms'],
    heartbeatIntervalMs: settings['broker.heartbeat.interval.ms'],
  };
}

function replicationConfig(config: NodeConfig): ReplicationConfig {
  const { settings } = config;
  return {
    ...defaultReplicationConfig,
    interBrokerListenerName: config.interBrokerListenerName,
    replicaLagTimeMaxMs: settings['replica.lag.time.max.ms'],
    fetchWaitMaxMs: settings['replica.fetch.wait.max.ms'],
    fetchMinBytes: settings['replica.fetch.min.bytes'],
    fetchMaxBytes: settings['replica.fetch.max.bytes'],
    fetchResponseMaxBytes: settings['replica.fetch.response.max.bytes'],
    fetchBackoffMs: settings['replica.fetch.backoff.ms'],
    replicaSocketTimeoutMs: settings['replica.socket.timeout.ms'],
    consumerFetchMaxBytes: settings['fetch.max.bytes'],
    maxFetchSessions: settings['max.incremental.fetch.session.cache.slots'],
    highWatermarkCheckpointIntervalMs: settings['replica.high.watermark.checkpoint.interval.ms'],
    // An answer may exceed the requested size by one batch, and a batch is never larger than a request.
    maxResponseFrameBytes: Math.max(
      defaultReplicationConfig.maxResponseFrameBytes,
      settings['replica.fetch.response.max.bytes'] + settings['socket.request.max.bytes'],
    ),
    producerIdExpirationMs: settings['producer.id.expiration.ms'],
    brokerProperties: config.explicit,
  };
}

function frontEndConfig(config: NodeConfig): FrontEndConfig {
  const { settings } = config;
  return {
    limits: {
      ...DEFAULT_LIMITS,
      requestMaxBytes: settings['socket.request.max.bytes'],
      queuedMaxBytes: settings['queued.max.request.bytes'],
      maxConnections: settings['max.connections'],
      maxConnectionsPerIp: settings['max.connections.per.ip'],
      idleMs: settings['connections.max.idle.ms'],
    },
    autoCreateTopics: settings['auto.create.topics.enable'],
    describePartitionsMax: settings['max.request.partition.size.limit'],
    properties: brokerProperties(config),
  };
}

/** Every setting as DescribeConfigs shows it. */
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
    };
  });
}
