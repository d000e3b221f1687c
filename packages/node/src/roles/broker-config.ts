/** Makes the options of a broker's parts from the settings. */
import type { Clock, Disk, Jobs, Logger, LogLevels, Net, Random, Rpc } from '@millrace/base';
import type { LogDirectory } from '@millrace/log';
import type { ListenerEndpoint } from '@millrace/metadata';
import type { Metrics } from '@millrace/metrics';
import type { CompressionCodecs } from '@millrace/protocol';
import type { NodeConfig } from '../config/index.ts';
import {
  frontEndConfig,
  groupsConfig,
  lifecycleConfig,
  quorumConfig,
  replicationConfig,
} from '../config/package-settings.ts';
import type { BrokerRoleOptions } from './broker-role.ts';

export interface BrokerSeams {
  readonly rpc: Rpc;
  readonly net: Net;
  readonly jobs: Jobs;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly logLevels: LogLevels;
  readonly metrics: Metrics;
  readonly logs: LogDirectory;
  readonly codecs: CompressionCodecs;
  /** The name of this machine. A listener on all interfaces advertises this name. */
  readonly hostname: string;
}

/** All options of a broker, without `hasLocalQuorum` and the receiver of its events. */
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
    groups: groupsConfig(config),
    lifecycle: lifecycleConfig(config),
    lagSeriesMax: config.settings['metrics.group.lag.max.series'],
  };
}

/** The addresses for clients. Replaces port 0, and hosts that stand for all interfaces. */
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
