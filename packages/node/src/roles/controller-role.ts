/**
 * A controller, composed over the seams: quorum, controller, control service. Owns the timer for the
 * controller's deadlines. Must reach outside only through the seams.
 */
import type {
  Address,
  Clock,
  Listener,
  Logger,
  Millis,
  NodeId,
  Random,
  Rpc,
  Timer,
  Uuid,
} from '@millrace/base';
import { Controller, type ControllerConfig } from '@millrace/controller';
import { joinedBatches, type MetadataImage } from '@millrace/metadata';
import type { Metrics } from '@millrace/metrics';
import {
  type CommittedBatch,
  type LeaderAndEpoch,
  Quorum,
  type QuorumConfig,
  type RaftStorage,
  type SnapshotConfig,
  type SnapshotOwner,
  type VoterAddress,
} from '@millrace/raft';
import { ControlService } from './control/control-service.ts';
import { decodeImage, snapshotOf } from './metadata-snapshots.ts';
import { CommitTimes, gaugeController, gaugeQuorum } from './quorum-metrics.ts';

export interface ControllerRoleEvents {
  /**
   * Called when the storage failed, or belongs to another node or cluster, so that the node must stop. The
   * message is one sentence for a user.
   */
  failed(message: string): void;
  /** Called once this node knows the cluster's id. */
  clusterIdKnown(id: Uuid): void;
  /** Committed records for a broker in the same process. */
  committed?(batches: readonly CommittedBatch[]): void;
  /** A snapshot for that broker. It replaces all records so far. */
  snapshotInstalled?(image: MetadataImage): void;
  leaderChanged?(leader: LeaderAndEpoch | undefined): void;
}

export interface ControllerRoleOptions {
  readonly nodeId: NodeId;
  readonly directoryId: Uuid;
  /** The cluster id in the data folder; undefined before this node first learned it. */
  readonly clusterId: Uuid | undefined;
  readonly voters: readonly VoterAddress[];
  readonly listener: Address & { readonly name: string };
  readonly storage: RaftStorage;
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly quorum: QuorumConfig;
  readonly snapshots: SnapshotConfig;
  readonly controller: ControllerConfig;
  readonly events: ControllerRoleEvents;
}

export class ControllerRole {
  readonly controller: Controller;
  quorum: Quorum | undefined;
  private readonly options: ControllerRoleOptions;
  private readonly commitTimes: CommitTimes;
  private clusterId: Uuid | undefined;
  private listening: Listener | undefined;
  private timer: { readonly at: Millis; readonly timer: Timer } | undefined;
  private stopped = false;

  constructor(options: ControllerRoleOptions) {
    this.options = options;
    this.commitTimes = new CommitTimes(options.clock, options.metrics);
    this.controller = new Controller({
      nodeId: options.nodeId,
      random: options.random.fork('controller'),
      logger: options.logger,
      config: options.controller,
      clusterId: () => this.quorum?.clusterId() ?? options.clusterId,
      metrics: options.metrics,
      propose: (records) => {
        const offset = this.quorum?.propose(records);
        this.commitTimes.proposed(offset);
        return offset;
      },
      confirmLeadership: (done) => {
        // The controller asks only while it is active, so the quorum exists.
        this.quorum?.confirmLeadership(done);
      },
    });
    gaugeQuorum(options.metrics, () => this.quorum);
    gaugeController(options.metrics, this.controller);
  }

  /**
   * Loads the quorum's log, then listens, then calls `done`. If the log cannot be loaded, calls
   * `events.failed`.
   */
  start(done: (error?: Error) => void): void {
    const { options } = this;
    Quorum.open(
      {
        nodeId: options.nodeId,
        directoryId: options.directoryId,
        clusterId: options.clusterId,
        // A controller stores the cluster id when the first records are committed. So a stored id proves that
        // a quorum existed, and this controller must not form a new one.
        mayForm: options.clusterId === undefined,
        voters: options.voters,
        storage: options.storage,
        rpc: options.rpc,
        clock: options.clock,
        random: options.random.fork('quorum'),
        logger: options.logger,
        config: options.quorum,
        snapshots: { owner: this.snapshotOwner(), config: options.snapshots },
        failed: (error) => options.events.failed(error.message),
        listener: {
          committed: (batches) => this.committed(batches),
          becameLeader: (epoch) => {
            this.noteClusterId();
            this.controller.becameLeader(epoch, options.clock.monotonicMs());
            this.arm();
          },
          resigned: () => {
            this.commitTimes.resigned();
            this.controller.resigned();
            this.arm();
          },
          leaderChanged: (leader) => options.events.leaderChanged?.(leader),
        },
      },
      (quorum) => {
        this.quorum = quorum;
        if (this.stopped) quorum.stop(() => {});
        else this.listen(quorum, done);
      },
    );
  }

  /** Whether the quorum has a leader, as far as this node knows. */
  get knowsLeader(): boolean {
    return this.quorum?.leader() !== undefined;
  }

  /** Hands over leadership, then closes. */
  stop(done: () => void): void {
    this.end((quorum, closed) => quorum.stop(closed), done);
  }

  /** Ends like a crash: sends nothing. */
  kill(done: () => void): void {
    this.end((quorum, closed) => quorum.kill(closed), done);
  }

  private end(endQuorum: (quorum: Quorum, closed: () => void) => void, done: () => void): void {
    this.stopped = true;
    this.timer?.timer.cancel();
    this.timer = undefined;
    const closeListener = () => {
      if (this.listening === undefined) done();
      else this.listening.close(done);
    };
    if (this.quorum === undefined) closeListener();
    else endQuorum(this.quorum, closeListener);
  }

  private listen(quorum: Quorum, done: (error?: Error) => void): void {
    const { rpc, listener, clock, logger } = this.options;
    const service = new ControlService({
      quorum,
      controller: this.controller,
      controllerListenerName: listener.name,
      clock,
      logger,
      touched: () => this.arm(),
    });
    this.listening = rpc.serve({ host: listener.host, port: listener.port }, service, {
      listening: (port) => {
        logger.info('listener-bound', { listener: listener.name, host: listener.host, port });
        done();
      },
      failed: (error) => done(new Error(listenProblem(listener, error))),
    });
  }

  private committed(batches: readonly CommittedBatch[]): void {
    this.noteClusterId();
    this.commitTimes.committed(batches);
    for (const batch of joinedBatches(batches)) this.controller.committed(batch);
    this.options.events.committed?.(batches);
    this.arm();
  }

  private snapshotOwner(): SnapshotOwner {
    return {
      snapshot: () => snapshotOf(this.controller.image),
      decodeSnapshot: (snapshot, done) =>
        decodeImage(this.options.clock, snapshot, (image) =>
          done(image instanceof Error ? image : () => this.installSnapshot(image)),
        ),
    };
  }

  private installSnapshot(image: MetadataImage): void {
    this.noteClusterId();
    this.controller.install(image);
    this.options.events.snapshotInstalled?.(image);
    this.arm();
  }

  private noteClusterId(): void {
    if (this.clusterId !== undefined) return;
    this.clusterId = this.quorum?.clusterId();
    if (this.clusterId !== undefined) this.options.events.clusterIdKnown(this.clusterId);
  }

  /**
   * Sets the timer. Deadlines mostly move later, so an early timer stays: it fires, ticks, and sets the next
   * one.
   */
  private arm(): void {
    if (this.stopped) return;
    const at = this.controller.nextDeadline();
    if (at === undefined || (this.timer !== undefined && this.timer.at <= at)) return;
    this.timer?.timer.cancel();
    const { clock } = this.options;
    const timer = clock.setTimer(Math.max(0, at - clock.monotonicMs()), () => {
      this.timer = undefined;
      this.controller.tick(clock.monotonicMs());
      this.arm();
    });
    this.timer = { at, timer };
  }
}

/** The message for a user. If the address is taken, the message does not contain gRPC's long error text. */
function listenProblem({ host, port }: Address, error: Error): string {
  const where = host === '' ? `port ${port}` : `${host}:${port}`;
  if (error.message.includes('EADDRINUSE'))
    return `${where} is taken by another program; stop that one, or give another port in listeners and controller.quorum.voters`;
  return `cannot listen on ${where}: ${error.message}`;
}
