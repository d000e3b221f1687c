/**
 * A broker's replicas. Applies the controller's published metadata to partitions, and passes clients'
 * requests to them. Keeps the broker's lease, and owns the fetchers and the timers. The replica manager must
 * never give a partition a role before this broker's own registration is in the metadata. Until then the
 * metadata describes an earlier incarnation of this broker, whose data may be gone.
 */
import {
  assert,
  type Clock,
  type Disk,
  type Jobs,
  type Logger,
  type Millis,
  type Net,
  type NodeId,
  type Random,
  Timers,
  type Uuid,
} from '@millrace/base';
import type { AlterPartitionRequest, AlterPartitionResponse } from '@millrace/control';
import { type LogDirectory, logJobs } from '@millrace/log';
import { type MetadataDelta, MetadataImage } from '@millrace/metadata';
import { Metrics } from '@millrace/metrics';
import { type CompressionCodecs, ErrorCode } from '@millrace/protocol';
import type { ReplicationConfig } from './config.ts';
import { awaitIsr } from './controlled-shutdown.ts';
import { CoordinatorPort } from './coordinator-port.ts';
import { ReplicaFetcherManager } from './following/replica-fetcher-manager.ts';
import { LeadershipFeed } from './leadership-feed.ts';
import { LogDirs } from './log-dirs.ts';
import { LogOpenings } from './log-openings.ts';
import { type LogUpkeep, startLogUpkeep } from './log-upkeep.ts';
import { AlterPartitionManager } from './partition/alter-partition-manager.ts';
import { OfflineReplicas } from './partition/offline-replicas.ts';
import type { Partition } from './partition/partition.ts';
import type { PartitionCounters, PartitionPorts } from './partition/ports.ts';
import { PartitionLookup } from './partition-lookup.ts';
import { ReplicaHosting } from './replica-hosting.ts';
import { countersOf, gaugeDisk, gaugeReplicas } from './replica-metrics.ts';
import { type ReplicaName, ReplicaTable } from './replica-table.ts';
import { DeleteRecordsService } from './serving/delete-records-service.ts';
import { FetchService } from './serving/fetch-service.ts';
import type { LookupPorts } from './serving/list-offsets-run.ts';
import { epochEnd, epochEndError } from './serving/offset-lookups.ts';
import type { ProducePorts } from './serving/produce-run.ts';
import { WaitingRuns } from './serving/waiting-runs.ts';
import {
  reconfiguredTopics,
  type TopicSettings,
  TopicSettingsSource,
  takeSettings,
} from './topic-settings.ts';
import { TurnBudget } from './turn-budget.ts';
import type {
  AskedReplicas,
  BrokerLease,
  Cancel,
  FetchRequest,
  FetchResponse,
  ListOffsetsQuery,
  ListOffsetsResult,
  LogDirDescription,
  OffsetForLeaderEpochPartition,
  OffsetForLeaderEpochResult,
  ProduceRequest,
  ProduceResult,
  RunningFetch,
} from './types.ts';

export interface ReplicaManagerOptions {
  readonly brokerId: NodeId;
  readonly disk: Disk;
  readonly logDirectory: LogDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly codecs: CompressionCodecs;
  readonly jobs: Jobs;
  readonly config: ReplicationConfig;
  readonly net: Net;
  /** Default: metrics that nobody reads. */
  readonly metrics?: Metrics;
  /**
   * Sends the request to the active controller. `undefined`: no response came, but the controller may have
   * made the change.
   */
  alterPartition(
    request: AlterPartitionRequest,
    done: (response: AlterPartitionResponse | undefined) => void,
  ): void;
  /** Called once, when the log directory failed as a whole: this broker can serve nothing. */
  directoryFailed(reason: string): void;
}

export class ReplicaManager {
  readonly options: ReplicaManagerOptions;
  /** The latest published metadata. */
  image: MetadataImage = MetadataImage.EMPTY;
  readonly fetches: FetchService;
  readonly deletions: DeleteRecordsService;
  readonly upkeep: LogUpkeep;
  readonly coordination: CoordinatorPort;
  readonly timers: Timers;
  private readonly turnBudget: TurnBudget;
  private readonly table: ReplicaTable;
  private readonly lookup: PartitionLookup;
  private readonly topicSettings: TopicSettingsSource;
  private readonly fetcherManager: ReplicaFetcherManager;
  readonly alterPartitions: AlterPartitionManager;
  private readonly hosting: ReplicaHosting;
  private readonly logDirs: LogDirs;
  /** The requests that wait for a job or for a later turn. */
  readonly waiting: WaitingRuns;
  private readonly openings: LogOpenings;
  /** False until the logs that the broker found at start are open, or cannot be opened. */
  private areLogsOpen = false;
  private lease: BrokerLease | undefined;
  /** True if partitions have roles: the image contains this broker's current registration. */
  private hasRoles = false;
  readonly awaitingLease = new Set<{ leaseRenewed(): void }>();
  private isInControlledShutdown = false;
  private isTellingFetches = false;
  private isClosed = false;

  constructor(options: ReplicaManagerOptions) {
    this.options = options;
    const { brokerId, clock, random, logger, config } = options;
    this.timers = new Timers(clock);
    this.turnBudget = new TurnBudget(config.loopWorkMax, (callback) => clock.soon(callback));
    const metrics = options.metrics ?? new Metrics();
    const leaderships = new LeadershipFeed((callback) => clock.soon(callback));
    this.logDirs = new LogDirs({
      directory: options.logDirectory,
      timers: this.timers,
      logger,
      minFreeBytes: () => config.minFreeBytes,
      replica: (topicId, index) => this.table.get(topicId, index),
      replicas: () => this.table.all(),
      failed: (reason) => options.directoryFailed(reason),
    });
    const ports = this.partitionPorts(countersOf(metrics), leaderships);
    const later = (callback: () => void) => clock.setTimer(0, callback);
    const { jobs, logDirectory: directory } = options;
    const { timers, turnBudget: budget } = this;
    this.openings = new LogOpenings({ directory, jobs, budget, timers, logger, later });
    const opened = (name: ReplicaName, isOpen: boolean) => {
      if (this.isClosed || !this.hasRoles) return;
      this.hosting.logOpened(name, isOpen);
      this.partitionsChangedSoon();
    };
    this.table = new ReplicaTable(directory, logger, { ports, openings: this.openings, opened });
    this.lookup = new PartitionLookup(this.table, () => this.image);
    const { spares } = options.logDirectory;
    this.coordination = new CoordinatorPort(leaderships, this.lookup, { ...ports, spares });
    this.topicSettings = new TopicSettingsSource(brokerId, config);
    this.alterPartitions = new AlterPartitionManager({
      brokerId,
      clock,
      timers: this.timers,
      retryMs: config.alterPartitionRetryMs,
      brokerEpoch: () => this.brokerEpoch,
      send: (request, done) => options.alterPartition(request, done),
    });
    this.fetcherManager = new ReplicaFetcherManager({
      brokerId,
      net: options.net,
      timers: this.timers,
      logger,
      config,
      spares,
      brokerEpoch: () => this.brokerEpoch,
    });
    this.hosting = new ReplicaHosting({
      brokerId,
      table: this.table,
      fetchers: this.fetcherManager,
      offline: new OfflineReplicas(ports),
      image: () => this.image,
      settingsOf: (topic) => this.settingsOf(topic),
      wallMs: () => clock.wallMs(),
    });
    this.fetches = new FetchService({
      clock,
      timers: this.timers,
      random: random.fork('fetch-sessions'),
      responseBytesMax: config.consumerFetchMaxBytes,
      sessionsMax: config.maxFetchSessions,
      parkedMax: config.maxParkedFetches,
      find: (item, usesTopicIds) => this.lookup.find(item, usesTopicIds),
      registeredEpoch: (id) => this.image.broker(id)?.epoch,
    });
    const jobPorts: ProducePorts & LookupPorts = {
      jobs: options.jobs,
      kinds: logJobs(options.codecs),
      turnBudget: this.turnBudget,
      find: (topicId, index) => this.lookup.findById(topicId, index),
      batchFailed: (topicNameOrId, index, records) =>
        this.table.blockedBeforeOpen.batchFailed(topicNameOrId, index, records, this.timers.now()),
      overtaken: (partition) => options.logger.debug('leader-lost-while-checking', partition.facts()),
      failed: (partition, reason) => options.logger.error('job-failed', { ...partition.facts(), reason }),
      inLaterTurn: later,
      after: (delayMs, callback) => this.after(delayMs, callback),
    };
    this.waiting = new WaitingRuns(jobPorts);
    this.deletions = new DeleteRecordsService({ ...jobPorts, parkedMax: config.maxParkedDeletions });
    gaugeReplicas(metrics, this.table, this);
    gaugeDisk(metrics, this.logDirs);
    this.upkeep = startLogUpkeep(this, this.logDirs, metrics);
    this.everyLagCheck();
    this.everyCheckpoint();
  }

  /** The epoch of this broker's registration; -1 before it is registered. */
  get brokerEpoch(): number {
    return this.lease?.brokerEpoch ?? -1;
  }

  get holdsLease(): boolean {
    return this.lease !== undefined && this.timers.now() < this.lease.validUntilMs;
  }

  /** Remaining time of the lease; 0: the broker has no lease. */
  get leaseMs(): Millis {
    return Math.max(0, (this.lease?.validUntilMs ?? 0) - this.timers.now());
  }

  partition(topicId: Uuid, index: number): Partition | undefined {
    return this.table.get(topicId, index);
  }

  /** Returns the same list until a replica is opened or closed. */
  partitions(): readonly Partition[] {
    return this.table.all();
  }

  /**
   * Opens the logs that the broker finds. Called once, at start. Calls `done` when each is open or cannot be
   * opened, perhaps within this call. The broker must not register before.
   */
  openLogs(done: () => void): void {
    const how = { settings: this.settingsOf(undefined), nowWallMs: this.options.clock.wallMs() };
    this.table.openLogs(how, () => {
      this.areLogsOpen = true;
      done();
    });
  }

  /** The number of logs that are opening, or that wait for it. */
  get logsToOpen(): number {
    return this.openings.remaining;
  }

  // ------------------------------------------------------------------ metadata and lease

  /** Takes committed metadata, in order. Partitions get roles once it has this broker's registration. */
  publish(delta: MetadataDelta): void {
    this.image = delta.image;
    if (this.isClosed) return;
    if (!this.hasRoles || !this.isRegistered) {
      for (const topicId of delta.removedTopicIds) this.table.topicRemoved(topicId);
      if (this.hasRoles) this.dropRoles();
      else this.takeRoles();
      // A replica without a role must take the new settings, too, because it keeps them until it has a role.
      this.configure(delta);
      return;
    }
    if (delta.deletedTopics.length > 0) this.hosting.deleteTopics(delta.deletedTopics);
    for (const { topicId, topic, partition } of delta.changedPartitions) {
      this.hosting.host({ id: topicId, name: topic }, partition);
    }
    this.configure(delta);
    this.fetches.partitionsChanged();
    if (delta.changedBrokers.size > 0) {
      this.fetcherManager.brokersChanged(delta.changedBrokers, this.image);
      for (const replica of this.table.all()) {
        if (delta.changedBrokers.has(replica.leaderId)) this.fetcherManager.update(replica, this.image);
        replica.leadership?.deletions.check();
      }
      this.fetches.brokersChanged(delta.changedBrokers);
    }
  }

  /** Called after registration, after each accepted heartbeat, and when the registration is lost. */
  setLease(lease: BrokerLease): void {
    const isNewEpoch = lease.brokerEpoch !== this.brokerEpoch;
    this.lease = lease;
    if (this.isClosed) return;
    if (isNewEpoch) {
      this.dropRoles();
      this.takeRoles();
    }
    if (!this.holdsLease) return;
    const waiting = [...this.awaitingLease];
    this.awaitingLease.clear();
    for (const one of waiting) one.leaseRenewed();
  }

  /** Tells the fetches once for all logs that open in this turn. */
  private partitionsChangedSoon(): void {
    if (this.isTellingFetches) return;
    this.isTellingFetches = true;
    this.options.clock.soon(() => {
      this.isTellingFetches = false;
      if (!this.isClosed) this.fetches.partitionsChanged();
    });
  }

  private get isRegistered(): boolean {
    const { lease } = this;
    return lease !== undefined && this.image.broker(this.options.brokerId)?.epoch === lease.brokerEpoch;
  }

  /**
   * Gives partitions their roles if the image includes this broker's registration. The assignments in the
   * image are then for this incarnation of the broker.
   */
  private takeRoles(): void {
    if (!this.isRegistered) return;
    assert(this.areLogsOpen, 'a broker registers when its logs are open');
    this.hasRoles = true;
    for (const replica of this.partitions())
      if (this.image.topicById(replica.topicId) === undefined) this.hosting.remove(replica);
    for (const { topic, index } of this.image.partitionsOf(this.options.brokerId))
      this.hosting.host(topic, index);
    this.fetches.partitionsChanged();
    this.table.clearStrays();
  }

  private dropRoles(): void {
    if (!this.hasRoles) return;
    this.hasRoles = false;
    this.hosting.forgetOffline();
    this.openings.cancelAll();
    for (const replica of this.table.all()) {
      this.fetcherManager.stop(replica);
      replica.dropRole();
    }
  }

  /** Called after the assignments of the delta are applied: see `takeSettings`. */
  private configure(delta: MetadataDelta): void {
    const names = [...reconfiguredTopics(delta, this.options.brokerId, this.partitions())];
    for (const name of names) {
      const topic = this.image.topic(name);
      if (topic === undefined) continue;
      const settings = this.settingsOf(name);
      for (const replica of this.table.ofTopic(topic.id)) {
        takeSettings(replica, settings);
        replica.settingsChanged();
      }
    }
    // With the new settings, followers on this broker may have to fsync records before they report them.
    if (names.length > 0) this.fetcherManager.recheckPartitions();
  }

  private settingsOf(topic: string | undefined): TopicSettings {
    return this.topicSettings.of(this.image, topic);
  }

  // ------------------------------------------------------------------ requests

  /**
   * May call `done` within this call. With acks=0 the results still show failures, so that the front end can
   * close the connection. Returns undefined if every batch was appended or failed. Otherwise some batch must
   * wait for a job. Then this returns a function that cancels the request, and calls `appended` once no batch
   * of the request waits for a job. The caller must not pass on the client's next request before that call.
   */
  produce(
    request: ProduceRequest,
    done: (results: ProduceResult[]) => void,
    appended: () => void = () => {},
  ): Cancel | undefined {
    return this.waiting.produce(request, done, appended);
  }

  /** May call `done` within this call. */
  fetch(request: FetchRequest, done: (response: FetchResponse) => void): RunningFetch {
    return this.fetches.fetch(request, done);
  }

  /** May call `done` within this call. Otherwise returns a function that cancels the request. */
  listOffsets(query: ListOffsetsQuery, done: (results: ListOffsetsResult[]) => void): Cancel | undefined {
    return this.waiting.listOffsets(query, done);
  }

  offsetForLeaderEpoch(partitions: readonly OffsetForLeaderEpochPartition[]): OffsetForLeaderEpochResult[] {
    return partitions.map((wanted) => {
      const found = this.lookup.findById(wanted.topicId, wanted.partition);
      return 'errorCode' in found ? epochEndError(found.errorCode) : epochEnd(found, wanted);
    });
  }

  /** Why this broker refuses produce requests now (`min.free.bytes`); undefined: it does not. */
  get shortage(): string | undefined {
    return this.logDirs.freeSpace.shortage;
  }

  describeLogDirs(asked: AskedReplicas): LogDirDescription[] {
    return this.logDirs.describe(asked);
  }

  // ------------------------------------------------------------------ time and end

  private everyLagCheck(): void {
    this.timers.after(this.options.config.replicaLagTimeMaxMs / 2, () => {
      for (const replica of this.table.all()) replica.leadership?.checkLag();
      this.everyLagCheck();
    });
  }

  private everyCheckpoint(): void {
    this.timers.after(this.options.config.highWatermarkCheckpointIntervalMs, () => {
      this.table.checkpoint(this.options.clock.wallMs());
      this.logDirs.look();
      if (this.hasRoles && this.table.brokenCount > 0) this.hosting.openWhatLackedSpace();
      this.everyCheckpoint();
    });
  }

  /**
   * Called before a clean stop, while this broker still leads. From now on acks=1 waits for the ISR. Calls
   * `done` when the ISR of each leader on this broker holds the leader's present log, or after `timeoutMs`.
   */
  prepareControlledShutdown(timeoutMs: Millis, done: () => void): void {
    this.isInControlledShutdown = true;
    const [clock, timers, isOver] = [this.options.clock, this.timers, () => this.isClosed];
    awaitIsr(this.table.all(), { clock, timers, timeoutMs, isOver, done });
  }

  /** Answers parked requests, then closes the logs. `clean`: with checkpoints and a clean-shutdown marker. */
  close(options: { readonly clean: boolean }, done: () => void): void {
    const closed = () => this.options.clock.soon(done);
    if (this.isClosed) {
      closed();
      return;
    }
    this.isClosed = true;
    this.timers.stop();
    this.fetcherManager.close();
    this.openings.close();
    this.waiting.failAll(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    if (options.clean) this.table.checkpoint(this.options.clock.wallMs());
    for (const replica of this.table.all()) replica.close(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    this.fetches.close();
    this.logDirs.close({ ...options, brokerEpoch: this.brokerEpoch }, closed);
  }

  private after(delayMs: Millis, callback: () => void): Cancel {
    const deadline = this.timers.after(delayMs, callback);
    return () => this.timers.cancel(deadline);
  }

  private partitionPorts(counters: PartitionCounters, leaderships: LeadershipFeed): PartitionPorts {
    const { options } = this;
    return {
      brokerId: options.brokerId,
      counters,
      leaderships,
      replicaLagTimeMaxMs: options.config.replicaLagTimeMaxMs,
      logger: options.logger,
      room: this.logDirs.freeSpace,
      turnBudget: this.turnBudget,
      now: () => this.timers.now(),
      wallMs: () => options.clock.wallMs(),
      soon: (callback) => options.clock.soon(callback),
      after: (delayMs, callback) => this.after(delayMs, callback),
      holdsLease: () => this.holdsLease,
      awaitLease: (leadership) => this.awaitingLease.add(leadership),
      isInControlledShutdown: () => this.isInControlledShutdown,
      mayJoinIsr: (brokerId, brokerEpoch) =>
        this.image.isActive(brokerId) && this.image.broker(brokerId)?.epoch === brokerEpoch,
      isAlive: (brokerId) => this.image.isAlive(brokerId),
      storageFailed: () => {
        this.logDirs.watch.suspect();
        this.fetcherManager.recheckPartitions();
      },
      proposeIsr: (proposal) => this.alterPartitions.propose(proposal),
    };
  }
}
