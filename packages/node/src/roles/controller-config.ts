/** Makes the options of the quorum and the controller from the settings. */
import { assert, type Clock, type Logger, type Random, type Rpc } from '@millrace/base';
import type { LogDirectory } from '@millrace/log';
import type { Metrics } from '@millrace/metrics';
import type { RaftStorage } from '@millrace/raft';
import type { NodeConfig } from '../config/index.ts';
import { controllerConfig, quorumConfig, snapshotConfig } from '../config/package-settings.ts';
import type { ControllerRoleOptions } from './controller-role.ts';

export interface ControllerSeams {
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly storage: RaftStorage;
  /** The data folder of this node. */
  readonly logs: LogDirectory;
}

/** All options of a controller, without the receiver of its events. */
export function controllerOptions(
  config: NodeConfig,
  { logs, ...seams }: ControllerSeams,
): Omit<ControllerRoleOptions, 'events'> {
  const { controllerListener: listener } = config;
  assert(listener !== undefined, 'a controller has a listener');
  return {
    ...seams,
    nodeId: config.nodeId,
    directoryId: logs.directoryId,
    clusterId: logs.clusterId,
    voters: config.voters,
    listener,
    quorum: quorumConfig(config),
    snapshots: snapshotConfig(config),
    controller: controllerConfig(config),
  };
}
