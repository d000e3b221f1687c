/**
 * Starts one node in this process: checks the data folder, creates the real seams, composes the roles. A
 * failed start throws one error and leaves nothing open. The error is a StartError, unless a bug caused it.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  type Clock,
  type Disk,
  DiskError,
  type Jobs,
  LeveledLogger,
  type Logger,
  type LogLevel,
  LogLevels,
  type Net,
  type Random,
  type Rpc,
} from '@millrace/base';
import { NodeClock, NodeNet, NodeRandom } from '@millrace/base/io';
import type { LogDirectory } from '@millrace/log';
import type { MetadataImage } from '@millrace/metadata';
import { Metrics } from '@millrace/metrics';
import type { RaftStorage } from '@millrace/raft';
import type { NodeConfig, Settings } from './config/index.ts';
import { NodeDisk } from './io/disk.ts';
import type { HealthServer } from './io/health.ts';
import { NodeJobs } from './io/jobs.ts';
import { FolderInUseError, type FolderLock, lockFolderSoon } from './io/lock-file.ts';
import { createLogger } from './io/logger.ts';
import { deriveOpenFilesMax, openFilesLimit } from './io/open-files-limit.ts';
import { controllerOptions } from './roles/controller-config.ts';
import { NodeRole, type NodeRoleOptions } from './roles/node-role.ts';
import { StartError } from './start-error.ts';

/** Seams that a test replaces. The other seams are the real ones. */
export interface NodeSeams {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly disk?: Disk;
  readonly net?: Net;
  readonly jobs?: Jobs;
  readonly rpc?: Rpc;
  /** Gets the events of every level, whatever `logger.level` says, until a client changes the levels. */
  readonly logger?: Logger;
  readonly storage?: RaftStorage;
}

export interface RunningNode {
  readonly nodeId: number;
  /** A broker's bound ports, by listener name. */
  readonly ports: ReadonlyMap<string, number>;
  /** The port of /health and /metrics; undefined without `health.port`. */
  readonly healthPort: number | undefined;
  /**
   * Resolves when the node serves: a controller listens, a broker is unfenced. Rejects with the error of
   * `failed` if the node fails before.
   */
  readonly ready: Promise<void>;
  /** Never resolves. Rejects with a StartError when the node has failed and stopped itself. */
  readonly failed: Promise<never>;
  /** The roles, for tests and checkers to look at. */
  readonly roles: NodeRole;
  /** Resolves once this broker's view of the metadata satisfies the condition. */
  whenMetadata(condition: (image: MetadataImage) => boolean): Promise<void>;
  /** Stops cleanly: hands over leaderships, flushes everything and writes the clean-shutdown marker. */
  stop(): Promise<void>;
  /** Stops abruptly, as far as one process can: breaks connections, flushes nothing, writes no marker. */
  kill(): Promise<void>;
}

/**
 * Resolves when the node has bound its listeners and tries to join its cluster. Rejects with a StartError.
 */
export async function startNode(config: NodeConfig, seams: NodeSeams = {}): Promise<RunningNode> {
  const { settings, nodeId } = config;
  const levels = new LogLevels(seams.logger === undefined ? rootLevel(settings['logger.level']) : 'DEBUG');
  const logger = seams.logger ?? (await createLogger({ format: settings['logger.format'], nodeId }));
  const node = new HostedNode(config, new LeveledLogger(logger, levels), levels);
  try {
    await node.start(seams);
    return node;
  } catch (error) {
    await node.abort();
    throw asStartError(error);
  }
}

/** The level of the root logger in Kafka's words, from `logger.level`. */
function rootLevel(level: Settings['logger.level']): LogLevel {
  return level === 'silent' ? 'OFF' : (level.toUpperCase() as Uppercase<typeof level>);
}

class HostedNode implements RunningNode {
  readonly nodeId: number;
  readonly ready: Promise<void>;
  readonly failed: Promise<never>;
  roles!: NodeRole;
  private readonly config: NodeConfig;
  private readonly logger: Logger;
  private readonly logLevels: LogLevels;
  private readonly metrics = new Metrics();
  private readonly beReady: () => void;
  private readonly fail: (error: Error) => void;
  private readonly waiters = new Set<(image: MetadataImage) => void>();
  private isReady = false;
  private rolesStarted = false;
  private lock: FolderLock | undefined;
  private logs: LogDirectory | undefined;
  private health: HealthServer | undefined;
  private net: Net | undefined;
  private jobs: Jobs | undefined;
  private ending: Promise<void> | undefined;

  constructor(config: NodeConfig, logger: Logger, logLevels: LogLevels) {
    this.config = config;
    this.logger = logger;
    this.logLevels = logLevels;
    this.nodeId = config.nodeId;
    const failure = Promise.withResolvers<never>();
    const readiness = Promise.withResolvers<void>();
    this.failed = failure.promise;
    this.ready = readiness.promise;
    // A caller may ignore both promises. Without these handlers, Node would end the process at a rejection.
    this.failed.catch(() => {});
    this.ready.catch(() => {});
    this.beReady = readiness.resolve;
    this.fail = (error) => {
      readiness.reject(error);
      failure.reject(error);
    };
  }

  get ports(): ReadonlyMap<string, number> {
    return this.roles.broker?.ports ?? new Map();
  }

  get healthPort(): number | undefined {
    return this.health?.port;
  }

  async start(seams: NodeSeams): Promise<void> {
    const { config, logger } = this;
    const { settings } = config;
    logger.info('node-starting', { roles: settings['process.roles'], logDirectory: config.logDirectory });
    const disk = seams.disk ?? new NodeDisk(this.metrics.histogram('millrace_fsync_seconds'));
    disk.makeDirectory(config.logDirectory);
    checkSpace(disk, config);
    if (seams.disk === undefined) this.lock = await lockFolderSoon(config.logDirectory);
    const healthPort = settings['health.port'];
    if (healthPort !== undefined) {
      const [{ serveHealth }, { Exposition }] = await Promise.all([
        import('./io/health.ts'),
        import('@millrace/metrics/io'),
      ]);
      const health = () => ({
        ready: this.isReady && this.roles.isHealthy,
        // The server answers before the node has its roles.
        facts: { node: config.nodeId, ...(this.isReady ? this.roles.troubles : this.roles?.progress) },
      });
      this.health = await serveHealth(healthPort, health, new Exposition(this.metrics));
      logger.info('listener-bound', { listener: 'health', host: '', port: this.health.port });
    }
    this.net = seams.net ?? new NodeNet();
    this.roles = new NodeRole(await this.rolesOf({ ...seams, disk, net: this.net }));
    this.rolesStarted = true;
    const started = new Promise<void>((resolve, reject) =>
      this.roles.start((error) => (error === undefined ? resolve() : reject(error))),
    );
    await Promise.race([started, this.failed]);
  }

  whenMetadata(condition: (image: MetadataImage) => boolean): Promise<void> {
    const broker = this.roles.broker;
    return new Promise((resolve, reject) => {
      if (broker !== undefined && condition(broker.metadata.image)) {
        resolve();
        return;
      }
      const waiter = (image: MetadataImage) => {
        if (!condition(image)) return;
        this.waiters.delete(waiter);
        resolve();
      };
      this.waiters.add(waiter);
      this.failed.catch(reject);
    });
  }

  stop(): Promise<void> {
    this.ending ??= this.end((done) => this.roles.stop(done), true);
    return this.ending;
  }

  kill(): Promise<void> {
    this.ending ??= this.end((done) => this.roles.kill(done), false);
    return this.ending;
  }

  /** Stops the node after a failure; the caller reports the failure. */
  abort(): Promise<void> {
    this.ending ??= this.end((done) => this.roles.abort(done), false);
    return this.ending;
  }

  private async end(endRoles: (done: () => void) => void, clean: boolean): Promise<void> {
    const wasReady = this.isReady;
    this.isReady = false;
    this.logger.info('node-stopping', { clean });
    if (this.rolesStarted) await new Promise<void>((resolve) => endRoles(resolve));
    // On a broker the replica manager closes the logs.
    if (this.logs !== undefined && !this.config.isBroker) this.logs.close({ clean });
    if (this.net instanceof NodeNet) this.net.destroyAll('the node stops');
    if (this.jobs instanceof NodeJobs) await this.jobs.close();
    await this.health?.close();
    this.lock?.release();
    this.logger.info('node-stopped', { clean, wasReady });
  }

  private async rolesOf(seams: NodeSeams & { disk: Disk; net: Net }): Promise<NodeRoleOptions> {
    const { config, logger } = this;
    const clock = seams.clock ?? new NodeClock();
    const random = seams.random ?? new NodeRandom();
    const [{ LogDirectory }, { compressionCodecs: codecs }, { GrpcRpc }] = await Promise.all([
      import('@millrace/log'),
      import('@millrace/protocol/io'),
      import('@millrace/rpc/io'),
    ]);
    const rpc = seams.rpc ?? new GrpcRpc();
    const opened = LogDirectory.open({
      disk: seams.disk,
      directory: config.logDirectory,
      nodeId: config.nodeId,
      random,
      codecs,
      logger,
      soon: (callback) => clock.soon(callback),
      openFilesMax: config.settings['log.open.files.max'] ?? deriveOpenFilesMax(openFilesLimit()),
    });
    if (!opened.ok) throw new StartError(opened.message);
    const { logs } = opened;
    this.logs = logs;
    const shared = { rpc, clock, random, logger, metrics: this.metrics };
    let controller: NodeRoleOptions['controller'];
    if (config.isController) {
      const { ControllerRole } = await import('./roles/controller-role.ts');
      const storage = seams.storage ?? (await levelStorage(config));
      const options = controllerOptions(config, { ...shared, logs, storage });
      controller = (events) => new ControllerRole({ ...options, events });
    }
    let broker: NodeRoleOptions['broker'];
    if (config.isBroker) {
      const [{ BrokerRole }, { brokerOptions }] = await Promise.all([
        import('./roles/broker-role.ts'),
        import('./roles/broker-config.ts'),
      ]);
      const { disk, net } = seams;
      const jobs = seams.jobs ?? new NodeJobs({ logger });
      this.jobs = jobs;
      const ofBroker = {
        ...shared,
        logs,
        disk,
        net,
        jobs,
        codecs,
        hostname: hostname(),
        logLevels: this.logLevels,
      };
      const options = brokerOptions(config, ofBroker);
      broker = (events, hasLocalQuorum) => new BrokerRole({ ...options, hasLocalQuorum, events });
    }
    return {
      logs,
      controller,
      broker,
      events: {
        ready: () => this.noteReady(),
        imageChanged: (image) => {
          for (const waiter of [...this.waiters]) waiter(image);
        },
        failed: (message) => this.failLater(message),
        foreignFolder: (reason) =>
          this.failLater(
            `the data folder ${config.logDirectory} belongs to another cluster (${reason}); name another folder in log.dirs, or the right controllers in controller.quorum.voters`,
          ),
      },
    };
  }

  private noteReady(): void {
    if (this.isReady || this.ending !== undefined) return;
    this.isReady = true;
    this.logger.info('node-ready', { ports: Object.fromEntries(this.ports) });
    this.beReady();
  }

  /** Stops everything, then rejects `failed`. */
  private failLater(message: string): void {
    this.logger.error('node-failed', { reason: message });
    // Wait for the end of the turn, because the part that failed may still be running.
    setImmediate(() => void this.abort().then(() => this.fail(new StartError(message))));
  }
}

async function levelStorage(config: NodeConfig): Promise<RaftStorage> {
  const { LevelStorage } = await import('@millrace/raft/io');
  return new LevelStorage(join(config.logDirectory, 'metadata-quorum'));
}

/**
 * Checks only a new folder. A node that has data starts with any free space, so that clients can read the
 * records while the operator makes room. Meanwhile the broker refuses produce requests.
 */
function checkSpace(disk: Disk, config: NodeConfig): void {
  if (disk.exists(join(config.logDirectory, 'meta.properties'))) return;
  const { usableBytes: free } = disk.space(config.logDirectory);
  const needed = config.settings['min.free.bytes'];
  if (free >= needed) return;
  throw new StartError(
    `too little disk: ${config.logDirectory} has ${mebibytes(free)} free and min.free.bytes asks for ${mebibytes(needed)}; free some space, name another folder in log.dirs, or lower min.free.bytes`,
  );
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / (1 << 20))} MiB`;
}

function asStartError(error: unknown): Error {
  if (error instanceof StartError) return error;
  if (error instanceof FolderInUseError || error instanceof DiskError) return new StartError(error.message);
  return error instanceof Error && error.constructor === Error
    ? new StartError(error.message)
    : (error as Error);
}
