/**
 * A broker, composed over the seams: metadata observer, image, replicas, group coordinator, front end,
 * membership. Owns only the order in which its parts start, serve and stop. Must reach outside only through
 * the seams.
 *
 * Start: the broker opens its logs, and binds its listeners, because their ports are part of the
 * registration. It follows the metadata meanwhile. It registers when its logs are open, because the
 * registration says whether a log lacks records. It serves clients once the controller unfences it. Stop: the
 * controller moves the broker's leaderships away while the broker still serves. Then the broker closes the
 * connections of its clients, and after that its logs.
 */
import type {
  Clock,
  Disk,
  Jobs,
  Listener,
  Logger,
  LogLevels,
  Net,
  NodeId,
  Random,
  Rpc,
  Uuid,
} from '@millrace/base';
import {
  AlterPartitionSender,
  BrokerFrontEnd,
  BrokerLifecycle,
  ControllerChannel,
  ControllerLocator,
  type FrontEndConfig,
  forwardOver,
  GroupLag,
  type LifecycleConfig,
  ProducerIdBlocks,
} from '@millrace/broker';
import {
  CoordinatorMetrics,
  GroupCoordinator,
  type GroupHoldings,
  type GroupsConfig,
  holdingsOfGroups,
} from '@millrace/coordinator';
import type { LogDirectory } from '@millrace/log';
import type { ListenerEndpoint, MetadataImage } from '@millrace/metadata';
import type { Metrics } from '@millrace/metrics';
import type { CompressionCodecs } from '@millrace/protocol';
import {
  type CommittedBatch,
  type LeaderAndEpoch,
  type QuorumConfig,
  QuorumObserver,
  type VoterAddress,
} from '@millrace/raft';
import {
  holdingsOf,
  type ReplicaHoldings,
  ReplicaManager,
  type ReplicationConfig,
} from '@millrace/replication';
import { HeldConnections } from './held-connections.ts';
import { MetadataFollower } from './metadata-follower.ts';
import { decodeImage } from './metadata-snapshots.ts';
import { metadataSubscribers } from './metadata-subscribers.ts';

/**
 * The longest time that a clean stop waits until the followers in the ISR have the records that this broker
 * acknowledged with acks=1. Usually the followers have these records already.
 */
const ISR_CATCH_UP_MAX_MS = 1_000;

export interface BrokerListener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export interface BrokerRoleEvents {
  /**
   * Called when the controller has unfenced this broker, and the broker serves clients. Called again at each
   * later unfencing, and each time the metadata changes while the broker is unfenced.
   */
  serving(): void;
  /** Called when the image changed. */
  imageChanged(image: MetadataImage): void;
  /** Called when this broker cannot serve, or cannot continue to serve. The message is for a user. */
  failed(message: string): void;
  /**
   * Called when this broker can never serve, because its data folder belongs to another cluster. `reason` is
   * a part of a sentence, not a whole one.
   */
  foreignFolder(reason: string): void;
}

export interface BrokerRoleOptions {
  readonly brokerId: NodeId;
  readonly voters: readonly VoterAddress[];
  readonly listeners: readonly BrokerListener[];
  /** The addresses for clients, given the bound ports by listener name. */
  advertised(ports: ReadonlyMap<string, number>): readonly ListenerEndpoint[];
  readonly rack: string | undefined;
  readonly logs: LogDirectory;
  readonly disk: Disk;
  readonly net: Net;
  readonly jobs: Jobs;
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The levels of this node's loggers. */
  readonly logLevels: LogLevels;
  readonly metrics: Metrics;
  readonly codecs: CompressionCodecs;
  readonly replication: ReplicationConfig;
  readonly frontEnd: FrontEndConfig;
  readonly groups: GroupsConfig;
  readonly lifecycle: LifecycleConfig;
  /** Limit for the series of the metric millrace_group_lag (`metrics.group.lag.max.series`). */
  readonly lagSeriesMax: number;
  readonly quorum: QuorumConfig;
  /**
   * True if this process is also a voter. Its quorum then passes committed records to this role, which needs
   * no observer.
   */
  readonly hasLocalQuorum: boolean;
  readonly events: BrokerRoleEvents;
}

export interface BrokerHoldings extends ReplicaHoldings, GroupHoldings {
  readonly connections: number;
  /** Bytes that all connections hold: frames, decoded requests and unsent answers. */
  readonly requestBytes: number;
  /** Calls to the controller that have no answer yet. */
  readonly controllerCalls: number;
}

export class BrokerRole {
  readonly replicas: ReplicaManager;
  readonly groups: GroupCoordinator;
  readonly metadata: MetadataFollower;
  /** Bound ports by listener name. Empty before the start. */
  readonly ports = new Map<string, number>();
  private readonly options: BrokerRoleOptions;
  private readonly held = new HeldConnections();
  private readonly locator: ControllerLocator;
  private readonly channel: ControllerChannel;
  private readonly frontEnd: BrokerFrontEnd;
  private readonly observer: QuorumObserver | undefined;
  private readonly listening: Listener[] = [];
  /** The broker's lifecycle; created when the ports are known. */
  private lifecycle: BrokerLifecycle | undefined;
  private serves = false;
  private areLogsOpen = false;
  private stopped = false;

  constructor(options: BrokerRoleOptions) {
    const { brokerId, clock, logger, rpc, logs } = options;
    this.options = options;
    this.locator = new ControllerLocator(options.voters, rpc);
    this.channel = new ControllerChannel({ locator: this.locator, clock, logger });
    const alterPartitions = new AlterPartitionSender(this.channel, clock);
    this.replicas = new ReplicaManager({
      brokerId,
      disk: options.disk,
      logDirectory: logs,
      clock,
      random: options.random.fork('replicas'),
      logger,
      codecs: options.codecs,
      jobs: options.jobs,
      config: options.replication,
      net: options.net,
      metrics: options.metrics,
      alterPartition: (request, done) => alterPartitions.send(request, done),
      directoryFailed: (reason) => options.events.failed(directoryFailure(logs.directory, reason)),
    });
    const rebalances = options.metrics.counter('millrace_group_rebalances_total');
    this.groups = new GroupCoordinator({
      coordination: this.replicas.coordination,
      clock,
      random: options.random.fork('groups'),
      logger,
      metrics: new CoordinatorMetrics(options.metrics),
      codecs: options.codecs,
      config: options.groups,
      countRebalance: (cause) => rebalances.add(1, cause),
      image: () => this.metadata.image,
    });
    const subscribers = metadataSubscribers({
      brokerId,
      replicas: this.replicas,
      groups: this.groups,
      lifecycle: () => this.lifecycle,
      serve: () => this.serve(),
      host: options.events,
    });
    this.metadata = new MetadataFollower(clock, subscribers);
    this.frontEnd = new BrokerFrontEnd({
      brokerId,
      clock,
      random: options.random.fork('requests'),
      logger,
      logLevels: options.logLevels,
      config: options.frontEnd,
      metrics: options.metrics,
      replicas: this.replicas,
      groups: this.groups,
      spares: logs.spares,
      producerIds: new ProducerIdBlocks({
        brokerId,
        brokerEpoch: () => this.lifecycle?.brokerEpoch ?? -1,
        channel: this.channel,
        logger,
      }),
      forward: forwardOver(this.channel, clock),
      clusterId: () => logs.clusterId,
      image: () => this.metadata.image,
    });
    this.gauge(options.metrics);
    this.observer = options.hasLocalQuorum ? undefined : this.makeObserver();
  }

  /**
   * Binds every listener, opens the logs, and then joins the cluster. Calls `done` when all listeners are
   * bound, or when one fails.
   */
  start(done: (error?: Error) => void): void {
    this.replicas.openLogs(() => {
      this.areLogsOpen = true;
      this.join();
    });
    let open = this.options.listeners.length;
    let failed = false;
    for (const { name, host, port } of this.options.listeners) {
      const listener = this.options.net.listen(
        { host, port },
        {
          listening: (bound) => {
            this.ports.set(name, bound);
            this.options.logger.info('listener-bound', { listener: name, host, port: bound });
            open--;
            if (open > 0 || failed || this.stopped) return;
            this.observer?.start();
            this.join();
            done();
          },
          failed: (error) => {
            if (failed) return;
            failed = true;
            done(error);
          },
          connection: (stream) => this.held.connection(name, stream),
        },
      );
      this.listening.push(listener);
    }
  }

  /** Counts what this role holds in memory, so that the simulator can check that no count grows for ever. */
  holdings(): BrokerHoldings {
    const { connections, budget } = this.frontEnd;
    return {
      ...holdingsOf(this.replicas),
      ...holdingsOfGroups(this.groups.runtime),
      connections: connections.size,
      requestBytes: budget.heldBytes,
      controllerCalls: this.channel.openCalls,
    };
  }

  /** Applies committed metadata. The observer or the local quorum calls this. */
  committed(batches: readonly CommittedBatch[]): void {
    if (this.stopped) return;
    this.metadata.committed(batches);
  }

  /** Replaces the metadata by the image of a snapshot. The observer or the local quorum calls this. */
  installSnapshot(image: MetadataImage): void {
    if (!this.stopped) this.metadata.install(image);
  }

  leaderChanged(leader: LeaderAndEpoch | undefined): void {
    if (!this.stopped && leader !== undefined) this.locator.leaderKnown(leader.nodeId);
  }

  /**
   * Called when the quorum's cluster id is known. Calls `failed` if the data folder belongs to another
   * cluster.
   */
  clusterIdKnown(id: Uuid): void {
    const problem = this.options.logs.adoptClusterId(id);
    if (problem !== undefined) this.options.events.failed(problem);
  }

  /** Stops cleanly: moves leaderships away, flushes the logs and writes the clean-shutdown marker. */
  stop(done: () => void): void {
    const { lifecycle } = this;
    if (lifecycle === undefined) {
      this.close({ clean: true }, done);
      return;
    }
    this.closeListeners();
    this.replicas.prepareControlledShutdown(ISR_CATCH_UP_MAX_MS, () =>
      lifecycle.beginShutdown((moved) => {
        this.options.logger.info('broker-relieved', { moved });
        this.frontEnd.close(() => this.close({ clean: true }, done));
      }),
    );
  }

  /** Whether the controller's last answer says that this broker is unfenced. */
  get isUnfenced(): boolean {
    return this.lifecycle?.fenced === false;
  }

  /** Ends like a crash, as far as one process can: sends nothing to the controller, and flushes no log. */
  kill(done: () => void): void {
    this.closeListeners();
    this.frontEnd.close(() => {});
    this.close({ clean: false }, done);
  }

  private gauge(metrics: Metrics): void {
    metrics.gauge('millrace_broker_unfenced', () => Number(this.isUnfenced && this.replicas.holdsLease));
    metrics.gauge('millrace_lease_seconds', () => this.replicas.leaseMs / 1000);
    metrics.gauge('millrace_metadata_applied_offset', () => this.metadata.offset);
    const { openFiles } = this.options.logs;
    const evictions = metrics.counter('millrace_open_file_evictions_total');
    metrics.gauge('millrace_open_files', () => openFiles.openCount);
    openFiles.onEvicted(() => evictions.add(1));
    this.measureLag(metrics);
  }

  private measureLag(metrics: Metrics): void {
    const { brokerId, net, lagSeriesMax, replication } = this.options;
    const ports = {
      brokerId,
      net,
      timers: this.replicas.timers,
      listenerName: replication.interBrokerListenerName,
      image: () => this.metadata.image,
      highWatermark: (topicId: Uuid, index: number) => {
        const partition = this.replicas.partition(topicId, index);
        return partition?.role === 'leader' ? partition.highWatermark : undefined;
      },
      groups: this.groups,
      seriesMax: lagSeriesMax,
    };
    new GroupLag(ports, metrics);
  }

  private makeObserver(): QuorumObserver {
    const { brokerId, logs, voters, rpc, clock, random, logger, quorum } = this.options;
    return new QuorumObserver({
      nodeId: brokerId,
      directoryId: logs.directoryId,
      voters,
      rpc,
      clock,
      random: random.fork('observer'),
      logger,
      config: quorum,
      listener: {
        committed: (batches) => this.committed(batches),
        leaderChanged: (leader) => this.leaderChanged(leader),
        clusterId: (id) => this.clusterIdKnown(id),
        decodeSnapshot: (snapshot, decoded) =>
          decodeImage(clock, snapshot, (image) =>
            decoded(image instanceof Error ? image : () => this.installSnapshot(image)),
          ),
      },
    });
  }

  /** Registers with the controller, once the logs are open and all ports are known. */
  private join(): void {
    if (this.stopped || !this.areLogsOpen || this.ports.size < this.options.listeners.length) return;
    const { brokerId, rack, logs, clock, logger, random, events } = this.options;
    this.lifecycle = new BrokerLifecycle({
      brokerId,
      incarnationId: random.uuid(),
      listeners: this.options.advertised(this.ports),
      rack,
      logDirs: [logs.directoryId],
      previousBrokerEpoch: logs.cleanShutdownBrokerEpoch ?? -1,
      locator: this.locator,
      clock,
      logger,
      config: this.options.lifecycle,
      clusterId: () => logs.clusterId,
      metadataOffset: () => this.metadata.offset,
      readyToServe: () => true,
      setLease: (lease) => this.replicas.setLease(lease),
      events: {
        registered: () => {},
        unfenced: () => this.serve(),
        fenced: () => this.frontEnd.closeConnections('this broker was fenced'),
        registrationRefused: (message) => events.foreignFolder(message),
      },
    });
    this.lifecycle.start();
  }

  private serve(): void {
    if (this.stopped) return;
    if (!this.serves) {
      this.serves = true;
      this.held.serve((name, stream) => this.frontEnd.accept(name, stream));
    }
    this.options.events.serving();
  }

  private closeListeners(): void {
    for (const listener of this.listening.splice(0)) listener.close(() => {});
  }

  private close(how: { clean: boolean }, done: () => void): void {
    this.stopped = true;
    this.closeListeners();
    this.held.close();
    this.observer?.stop();
    this.metadata.stop();
    this.groups.stop();
    this.replicas.close(how, () => {
      this.lifecycle?.stop();
      this.channel.close();
      this.locator.close();
      done();
    });
  }
}

/**
 * The message with which the process ends. The process ends so that other brokers lead its partitions. Kafka
 * also stops when its last log directory has failed.
 */
function directoryFailure(directory: string, reason: string): string {
  return `The data folder ${directory} has failed: ${reason}. The broker stops, so that other brokers lead its partitions. Repair or replace the disk, then start it again.`;
}
