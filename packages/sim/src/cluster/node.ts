/**
 * One node of the cluster: a machine with a disk, on which the product's roles run as in a real process. The
 * run and the faults start and end the process of the node. The process also ends when a role fails.
 */
import { assert, DiskError, LeveledLogger, LogLevels } from '@millrace/base';
import { LogDirectory } from '@millrace/log';
import { Metrics } from '@millrace/metrics';
import { loadConfig, type NodeConfig } from '@millrace/node/config';
import {
  BrokerRole,
  brokerOptions,
  ControllerRole,
  controllerOptions,
  NodeRole,
  type NodeRoleEvents,
} from '@millrace/node/roles';
import { type CompressionCodecs, SpareBuffers } from '@millrace/protocol';
import { type PowerLoss, SimDisk } from '../disk/index.ts';
import type { Network } from '../net/index.ts';
import { type Death, Host, type Life, SimJobs, SimLogger, type World } from '../world/index.ts';

export type NodeRoleName = 'controller' | 'broker' | 'combined';

export interface NodePlan {
  readonly id: number;
  readonly name: string;
  readonly role: NodeRoleName;
}

export interface NodeEnvironment {
  readonly world: World;
  readonly network: Network;
  readonly codecs: CompressionCodecs;
  /** `controller.quorum.voters` */
  readonly voters: string;
  /** The cost above which a batch is checked in a job; undefined: as in production. */
  readonly loopWorkMax: number | undefined;
  /** The soft limit of one fetch response of the quorum; undefined: as in production. */
  readonly quorumFetchMaxBytes: number | undefined;
}

export const CONTROLLER_PORT = 9093;
export const BROKER_PORT = 9092;

/**
 * A failure, for example of the storage or the data folder, because of which the node ended its own process.
 */
export interface SelfEnd {
  readonly atUs: number;
  readonly message: string;
}

/** The parts are small, so that a snapshot has several parts and faults strike between them. */
const SNAPSHOT_PART_BYTES = 200;

export class SimNode {
  readonly id: number;
  readonly name: string;
  readonly role: NodeRoleName;
  readonly host: Host;
  readonly disk: SimDisk;
  /** The product's roles, while a process runs here. */
  roles: NodeRole | undefined;
  /** Why the last process ended itself, if it did. */
  selfEnd: SelfEnd | undefined;
  /**
   * Whether every role has served since the process started: the controller has listened, and the broker has
   * been unfenced.
   */
  isReady = false;
  isStopping = false;
  /** A fault keeps the process down: `startIfDown` does not start it. Peace sets this to false. */
  isHeldDown = false;
  /** The machine is gone for good: `startIfDown` starts no process here. */
  isGone = false;
  /** Called whenever a process ends here, in any way. */
  onEnded: (death: Death | 'ended') => void = () => {};
  private settings: Readonly<Record<string, string>>;
  private config: NodeConfig;
  private logs: LogDirectory | undefined;
  private readonly environment: NodeEnvironment;

  constructor(environment: NodeEnvironment, plan: NodePlan, settings: Readonly<Record<string, string>>) {
    this.environment = environment;
    this.id = plan.id;
    this.name = plan.name;
    this.role = plan.role;
    this.host = new Host(environment.world, plan.name);
    this.disk = new SimDisk(environment.world, plan.name);
    this.settings = settings;
    this.config = this.configOf(settings);
    environment.network.add(this.host);
  }

  get life(): Life | undefined {
    return this.host.isUp ? this.host.life : undefined;
  }

  get isUp(): boolean {
    return this.host.isUp;
  }

  get isBroker(): boolean {
    return this.role !== 'controller';
  }

  get isController(): boolean {
    return this.role !== 'broker';
  }

  /** Changes settings. The change takes effect at the next start. */
  set(settings: Readonly<Record<string, string>>): void {
    this.settings = { ...this.settings, ...settings };
    this.config = this.configOf(this.settings);
  }

  start(): void {
    assert(!this.isUp, 'a node is started once at a time');
    const life = this.host.boot();
    this.isReady = false;
    this.isStopping = false;
    this.selfEnd = undefined;
    this.environment.world.tell(this.name, 'process-started', { life: life.number });
    life.onDeath((death) => this.ended(life, death));
    life.arrives(0, () => this.startRoles(life));
  }

  /** Starts the process if it is down and no fault keeps it down. */
  startIfDown(): void {
    if (!this.isUp && !this.isHeldDown && !this.isGone) this.start();
  }

  /** kill -9, or a power loss of the machine. `left`: what the power loss leaves of unsynced data. */
  kill(death: Death, left?: PowerLoss): void {
    this.life?.die(death);
    if (death === 'power') this.disk.losePower(left);
  }

  /**
   * SIGTERM: hands over leaderships, flushes the logs, and marks the stop as clean. Calls `done` when the
   * process has ended, in any way.
   */
  stop(done: () => void = () => {}): void {
    const { life } = this;
    if (life === undefined) {
      done();
      return;
    }
    life.onDeath(done);
    if (this.isStopping) return;
    this.isStopping = true;
    this.environment.world.tell(this.name, 'process-asked-to-stop');
    life.arrives(0, () => {
      if (this.roles === undefined) life.die('ended');
      else this.roles.stop(() => this.closed(life, { clean: true }));
    });
  }

  /** Another machine with the id, the role and the settings of this node, and an empty disk. */
  twin(name: string): SimNode {
    return new SimNode(this.environment, { id: this.id, name, role: this.role }, this.settings);
  }

  private configOf(settings: Readonly<Record<string, string>>): NodeConfig {
    const listeners: string[] = [];
    if (this.isController) listeners.push(`CONTROLLER://${this.name}:${CONTROLLER_PORT}`);
    if (this.isBroker) listeners.push(`PLAINTEXT://${this.name}:${BROKER_PORT}`);
    return loadConfig({
      overrides: {
        'process.roles': this.role === 'combined' ? 'broker,controller' : this.role,
        'node.id': String(this.id),
        'controller.quorum.voters': this.environment.voters,
        listeners: listeners.join(','),
        'log.dirs': '/data',
        ...settings,
      },
    });
  }

  private startRoles(life: Life): void {
    const { config } = this;
    const { network, codecs } = this.environment;
    const disk = this.disk.seamOf(life);
    const random = life.random.fork('node');
    const logLevels = new LogLevels('DEBUG');
    const logger = new LeveledLogger(new SimLogger(life), logLevels);
    const { clock } = life;
    const jobs = new SimJobs(life);
    try {
      disk.makeDirectory(config.logDirectory);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.abort(life, error.message);
      return;
    }
    const opened = LogDirectory.open({
      disk,
      directory: config.logDirectory,
      nodeId: this.id,
      random,
      codecs,
      logger,
      spares: new SpareBuffers({ spoils: true }),
      soon: (callback) => clock.soon(callback),
      openFilesMax: config.settings['log.open.files.max'],
    });
    if (!opened.ok) {
      this.abort(life, opened.message);
      return;
    }
    const { logs } = opened;
    this.logs = logs;
    logs.openFiles.onEvicted(() => this.environment.world.count('file of a log evicted'));
    const metrics = new Metrics();
    const shared = { clock, random, logger, metrics, logs, rpc: network.rpcOf(life) };
    const events: NodeRoleEvents = {
      ready: () => {
        this.isReady = true;
      },
      imageChanged: () => {},
      failed: (message) => this.abort(life, message),
      foreignFolder: (reason) => this.abort(life, reason),
    };
    const storage = this.isController ? this.disk.storageOf(life) : undefined;
    const net = network.netOf(life);
    this.roles = new NodeRole({
      logs,
      controller:
        storage === undefined
          ? undefined
          : (told) => {
              const options = controllerOptions(config, { ...shared, storage });
              const { quorumFetchMaxBytes = options.quorum.fetchMaxBytes } = this.environment;
              const commitMaxBytes = Math.min(quorumFetchMaxBytes, options.quorum.commitMaxBytes);
              const limits = { fetchMaxBytes: quorumFetchMaxBytes, commitMaxBytes };
              const quorum = { ...options.quorum, ...limits };
              const snapshots = { ...options.snapshots, partBytes: SNAPSHOT_PART_BYTES };
              return new ControllerRole({ ...options, snapshots, quorum, events: told });
            },
      broker: this.isBroker
        ? (told, hasLocalQuorum) => {
            const seams = { ...shared, disk, net, codecs, jobs, hostname: this.name, logLevels };
            const options = brokerOptions(config, seams);
            const { loopWorkMax = options.replication.loopWorkMax } = this.environment;
            const replication = { ...options.replication, loopWorkMax };
            return new BrokerRole({ ...options, replication, hasLocalQuorum, events: told });
          }
        : undefined,
      events,
    });
    this.roles.start((error) => {
      if (error !== undefined) this.abort(life, error.message);
    });
  }

  /**
   * Ends the process in its next turn, as the host in production does, because the part that failed may be in
   * the middle of a turn.
   */
  private abort(life: Life, message: string): void {
    const { world } = this.environment;
    if (this.selfEnd !== undefined) return;
    this.selfEnd = { atUs: world.nowUs, message };
    world.tell(this.name, 'process-gave-up', { reason: message });
    life.arrives(0, () => {
      if (this.roles === undefined) life.die('ended');
      else this.roles.abort(() => this.closed(life, { clean: false }));
    });
  }

  private closed(life: Life, how: { clean: boolean }): void {
    if (!this.isBroker) this.logs?.close(how);
    life.die('ended');
  }

  private ended(life: Life, death: Death | 'ended'): void {
    if (this.host.life !== life) return;
    this.roles = undefined;
    this.logs = undefined;
    this.isReady = false;
    this.environment.world.tell(this.name, 'process-ended', { death });
    this.onEnded(death);
  }
}
