/**
 * The controller decides a request against `head`: the committed state and all records proposed since. It
 * proposes the decision's records to the quorum, and replays them into `head`. It parks the answer until the
 * records are committed. Then it also replays them into `image`, the committed state. Without records, the
 * answer waits until the records that the decision saw are committed; only `heartbeat` may answer earlier.
 * The controller changes the metadata only by replaying records. When it loses leadership, it drops `head`
 * and refuses every parked request.
 */
import {
  assert,
  DeadlineQueue,
  type Logger,
  type Millis,
  type NodeId,
  type Offset,
  ParkedUntilOffset,
  type QuorumEpoch,
  type Random,
  type Uuid,
} from '@millrace/base';
import type {
  AllocateProducerIdsRequest,
  AllocateProducerIdsResponse,
  AlterPartitionRequest,
  AlterPartitionResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  RegisterRequest,
  RegisterResponse,
} from '@millrace/control';
import {
  applyRecords,
  decodeRecord,
  type MetadataDelta,
  MetadataImage,
  type MetadataRecord,
} from '@millrace/metadata';
import { type Counter, Metrics } from '@millrace/metrics';
import {
  type AlterConfigsRequest,
  type AlterConfigsResponse,
  type CreatePartitionsRequest,
  type CreatePartitionsResponse,
  type CreateTopicsRequest,
  type CreateTopicsResponse,
  type DeleteTopicsRequest,
  type DeleteTopicsResponse,
  ErrorCode,
  type IncrementalAlterConfigsRequest,
} from '@millrace/protocol';
import { decideAlterConfigs, decideIncrementalAlterConfigs, failAlterConfigs } from './alter-configs.ts';
import { decideAlterPartition } from './alter-partition.ts';
import { apiError } from './assignments.ts';
import { batchesOf, type ProposedBatch, type ProposedBatches } from './batches.ts';
import { electLeaderless } from './broker-effects.ts';
import { type BrokerContext, currentRegistration, decideHeartbeat, decideRegister } from './brokers.ts';
import { NOT_CONTROLLER, noLease, TIMED_OUT, TOO_LARGE } from './call-failures.ts';
import type { Call, Parked } from './calls.ts';
import type { ControllerConfig } from './config.ts';
import { decideCreatePartitions, failCreatePartitions } from './create-partitions.ts';
import { decideCreateTopics, failCreateTopics, type TopicsContext } from './create-topics.ts';
import { CreatedConfigs } from './created-configs.ts';
import { type Decision, logAll } from './decision.ts';
import { decideDeleteTopics, failDeleteTopics } from './delete-topics.ts';
import { fenceEnded } from './fencing.ts';
import { type Elections, logDelta } from './log-delta.ts';
import { ParkedLogs } from './parked-logs.ts';
import { decideAllocateProducerIds } from './producer-ids.ts';
import type { RequestInfo } from './request-info.ts';
import { BrokerSessions } from './sessions.ts';

export interface ControllerOptions {
  readonly nodeId: NodeId;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: ControllerConfig;
  /** Returns the cluster's id; undefined: not known yet. The controller refuses brokers of other clusters. */
  readonly clusterId?: () => Uuid | undefined;
  /** Default: metrics that nobody reads. */
  readonly metrics?: Metrics;
  /**
   * Appends all records to the quorum's log, or none of them. Returns the offset of the last record;
   * undefined if this node does not lead.
   */
  readonly propose: (records: Uint8Array[]) => Offset | undefined;
  /**
   * Calls `done(true)` when this node certainly led the quorum at some moment after this call, or
   * `done(false)` if its leadership ended first. Never calls `done` within this call.
   */
  readonly confirmLeadership: (done: (leads: boolean) => void) => void;
}

/** A committed batch of the metadata log. */
export interface CommittedRecords {
  readonly baseOffset: Offset;
  readonly epoch: QuorumEpoch;
  readonly records: readonly Uint8Array[];
}

/** Limit for the bytes of all records that one request of a client writes. */
const REQUEST_BYTES_MAX = 16 << 20;
/** Requests that alter configs have no timeout field. The broker that forwards them waits as long as this. */
const ALTER_CONFIGS_TIMEOUT_MS = 30_000;

export class Controller {
  /** The state at the last committed offset. All code may read it. */
  image: MetadataImage = MetadataImage.EMPTY;
  /**
   * `image` and everything proposed since. Only decisions read `head`, because the proposals may be lost. On
   * standbys it is the same object as `image`.
   */
  head: MetadataImage = MetadataImage.EMPTY;
  /** The epoch of this node's leadership; undefined on standbys. */
  activeEpoch: QuorumEpoch | undefined;
  readonly sessions: BrokerSessions;
  readonly config: ControllerConfig;
  private readonly options: ControllerOptions;
  private readonly elections: Counter<readonly [from: string]>;
  private readonly createdConfigs: CreatedConfigs;
  private readonly parked = new ParkedUntilOffset<Parked>();
  /** Not part of `parked`, because a request may end before its records are committed. */
  private readonly parkedLogs = new ParkedLogs();
  private readonly deadlines = new DeadlineQueue<Parked>();
  /**
   * For each broker: when its newest unanswered heartbeat arrived. The controller answers this heartbeat
   * after the quorum confirms that this node still leads.
   */
  private readonly unconfirmedSince = new Map<NodeId, Millis>();

  constructor(options: ControllerOptions) {
    this.options = options;
    this.config = options.config;
    this.elections = (options.metrics ?? new Metrics()).counter('millrace_leader_elections_total');
    this.countElections({ isr: 0, elr: 0, 'former-isr': 0, unclean: 0 });
    this.createdConfigs = new CreatedConfigs(this.config);
    this.sessions = new BrokerSessions(this.config.sessionTimeoutMs, this.config.connectionLossGraceMs);
  }

  private countElections(elections: Elections): void {
    for (const [from, count] of Object.entries(elections)) this.elections.add(count, from);
  }

  get isActive(): boolean {
    return this.activeEpoch !== undefined;
  }

  /** The number of requests whose answers wait for a commit. */
  get parkedCount(): number {
    return this.parked.size;
  }

  /** The number of brokers whose heartbeat waits for the proof of this leadership. */
  get unconfirmedCount(): number {
    return this.unconfirmedSince.size;
  }

  /**
   * Call it with every committed batch, in order, on the active controller and on standbys. Returns the
   * changes.
   */
  committed(batch: CommittedRecords): MetadataDelta {
    const { baseOffset, epoch } = batch;
    const records = batch.records.map(decodeRecord);
    const { image, delta } = applyRecords(this.image, { baseOffset, epoch, records });
    this.image = image;
    if (this.head.offset <= image.offset) this.head = image;
    if (this.isActive) this.countElections(logDelta(this.options.logger, delta));
    this.parkedLogs.committed(image.offset, epoch, this.options.logger);
    for (const entry of this.parked.release(image.offset)) {
      if (entry.deadline !== undefined) this.deadlines.cancel(entry.deadline);
      entry.committed();
    }
    return delta;
  }

  /** Replaces the committed state of a standby by that of a snapshot. */
  install(image: MetadataImage): void {
    assert(!this.isActive && this.parked.size === 0, 'only a standby loads a snapshot');
    assert(image.offset > this.image.offset, 'a snapshot brings news');
    this.image = image;
    this.head = image;
    this.parkedLogs.clear();
  }

  /**
   * The quorum calls this after it passed every earlier record to `committed`. Brokers get a full session to
   * find this controller.
   */
  becameLeader(epoch: QuorumEpoch, now: Millis): void {
    assert(this.parked.size === 0, 'a new leadership begins with nothing parked');
    this.activeEpoch = epoch;
    this.head = this.image;
    this.parkedLogs.clear();
    this.sessions.reset(this.image.offset);
    for (const broker of this.image.sortedBrokers()) this.sessions.takeOver(broker, now);
    this.options.logger.info('controller-activated', { epoch, offset: this.image.offset });
    this.replayProposed(this.batchesOf(electLeaderless(this.image, this.config))!.batches);
  }

  /**
   * Called when the leadership is over. This controller treats uncommitted records as lost; a successor may
   * still commit them.
   */
  resigned(): void {
    if (!this.isActive) return;
    this.options.logger.info('controller-resigned', { epoch: this.activeEpoch, parked: this.parked.size });
    this.activeEpoch = undefined;
    this.head = this.image;
    this.sessions.reset(-1);
    for (const entry of this.parked.drain()) {
      if (entry.deadline !== undefined) this.deadlines.cancel(entry.deadline);
      entry.failed(NOT_CONTROLLER);
    }
  }

  /**
   * Registers a broker. Returns true if the controller accepts this process as the broker. The host then ties
   * the process's control stream to this broker, and calls `sessionLost` when the stream ends without
   * `leaves`.
   */
  register(request: RegisterRequest, now: Millis, reply: (response: RegisterResponse) => void): boolean {
    const call: Call<RegisterResponse> = {
      reply,
      fail: ({ errorCode, message }) => ({ errorCode, errorMessage: message, brokerEpoch: -1 }),
    };
    if (!this.isActive) {
      reply(call.fail(NOT_CONTROLLER));
      return false;
    }
    const decision = decideRegister(this.brokerContext(), request);
    if (!this.execute(decision, call)) return false;
    const broker = this.head.broker(request.brokerId);
    if (broker?.incarnationId !== request.incarnationId) return false;
    this.sessions.touch(broker.id, broker.incarnationId, now);
    return true;
  }

  /**
   * Returns the incarnation of the registration with this epoch. Undefined: this controller is not active, or
   * no registration has this epoch. In the second case the broker must register.
   */
  heartbeat(
    request: HeartbeatRequest,
    now: Millis,
    reply: (response: HeartbeatResponse) => void,
  ): Uuid | undefined {
    const call: Call<HeartbeatResponse> = {
      reply: (response) => this.grant(request, response, now, reply),
      fail: ({ errorCode }) => noLease(errorCode),
    };
    if (!this.isActive) {
      reply(call.fail(NOT_CONTROLLER));
      return undefined;
    }
    const broker = currentRegistration(this.head, request.brokerId, request.brokerEpoch);
    if (broker === undefined) {
      reply(call.fail(apiError(ErrorCode.STALE_BROKER_EPOCH, 'the broker must register')));
      return undefined;
    }
    this.sessions.touch(broker.id, broker.incarnationId, now, request.metadataOffset);
    const decision = decideHeartbeat(this.brokerContext(), request);
    // The controller answers a heartbeat without records from committed state, and does not wait for other
    // requests' records. But it waits while the broker's registration or fence is not committed yet.
    const committed = this.image.broker(broker.id);
    const isSettled = committed?.epoch === broker.epoch && (committed.fenced || !broker.fenced);
    if (decision.records.length === 0 && isSettled) {
      call.reply(decision.respond(this.image));
      return broker.incarnationId;
    }
    const carriedOut = this.execute(decision, call);
    if (carriedOut && request.wantShutDown && !broker.inControlledShutdown) {
      this.sessions.shutdownStarted(broker.id, this.head.offset);
    }
    return broker.incarnationId;
  }

  /**
   * Grants a lease, but only after the quorum confirmed that this node still led after the heartbeat arrived.
   * A deposed controller may not know that it is deposed, while its successor has already begun new sessions
   * for the brokers. Never grants a lease to a broker whose fence is proposed (docs/leases.md).
   */
  private grant(
    request: HeartbeatRequest,
    response: HeartbeatResponse,
    now: Millis,
    reply: (response: HeartbeatResponse) => void,
  ): void {
    if (response.leaseMs === 0) {
      reply(response);
      return;
    }
    this.unconfirmedSince.set(request.brokerId, now);
    this.options.confirmLeadership((leads) => {
      this.unconfirmedSince.delete(request.brokerId);
      const broker = currentRegistration(this.head, request.brokerId, request.brokerEpoch);
      if (!leads || !this.isActive) reply(noLease(ErrorCode.NOT_CONTROLLER));
      else if (broker === undefined) reply(noLease(ErrorCode.STALE_BROKER_EPOCH));
      else reply(broker.fenced ? { ...response, isFenced: true, leaseMs: 0 } : response);
    });
  }

  /**
   * Called when the control stream of this incarnation closed without `leaves`. The controller fences the
   * broker after the grace, unless the broker contacts it before. There is one exception: the broker's last
   * heartbeat has waited for the quorum for at least the grace. Then the broker may have closed the stream
   * because the quorum is slow, so the session keeps its normal timeout.
   */
  sessionLost(brokerId: NodeId, incarnationId: Uuid, now: Millis): void {
    if (!this.isActive) return;
    const since = this.unconfirmedSince.get(brokerId);
    const isQuorumSlow = since !== undefined && now - since >= this.config.connectionLossGraceMs;
    if (isQuorumSlow) this.sessions.streamEnded(brokerId, incarnationId);
    else this.sessions.connectionLost(brokerId, incarnationId, now);
  }

  alterPartition(
    request: AlterPartitionRequest,
    _now: Millis,
    reply: (response: AlterPartitionResponse) => void,
  ): void {
    this.decideAndExecute(() => decideAlterPartition(this.head, this.config, request), {
      reply,
      fail: ({ errorCode }) => ({ errorCode, partitions: [] }),
    });
  }

  allocateProducerIds(
    request: AllocateProducerIdsRequest,
    _now: Millis,
    reply: (response: AllocateProducerIdsResponse) => void,
  ): void {
    const { producerIdBlockSize } = this.config;
    this.decideAndExecute(() => decideAllocateProducerIds(this.head, request, producerIdBlockSize), {
      reply,
      fail: ({ errorCode }) => ({ errorCode, producerIdStart: -1, producerIdCount: 0 }),
    });
  }

  createTopics(
    request: CreateTopicsRequest,
    info: RequestInfo,
    now: Millis,
    reply: (response: CreateTopicsResponse) => void,
  ): void {
    this.decideForClient(() => decideCreateTopics(this.topicsContext(info), request), {
      reply,
      fail: (failure) => failCreateTopics(request, failure),
      deadline: now + Math.max(0, request.timeoutMs),
    });
  }

  deleteTopics(
    request: DeleteTopicsRequest,
    info: RequestInfo,
    now: Millis,
    reply: (response: DeleteTopicsResponse) => void,
  ): void {
    this.decideForClient(() => decideDeleteTopics(this.head, this.config, request, info), {
      reply,
      fail: (failure) => failDeleteTopics(request, failure),
      deadline: now + Math.max(0, request.timeoutMs),
    });
  }

  createPartitions(
    request: CreatePartitionsRequest,
    info: RequestInfo,
    now: Millis,
    reply: (response: CreatePartitionsResponse) => void,
  ): void {
    this.decideForClient(() => decideCreatePartitions(this.topicsContext(info), request), {
      reply,
      fail: (failure) => failCreatePartitions(request, failure),
      deadline: now + Math.max(0, request.timeoutMs),
    });
  }

  alterConfigs(
    request: AlterConfigsRequest,
    info: RequestInfo,
    now: Millis,
    reply: (response: AlterConfigsResponse) => void,
  ): void {
    this.decideForClient(() => decideAlterConfigs(this.topicsContext(info), request), {
      reply,
      fail: (failure) => failAlterConfigs(request, failure),
      deadline: now + ALTER_CONFIGS_TIMEOUT_MS,
    });
  }

  incrementalAlterConfigs(
    request: IncrementalAlterConfigsRequest,
    info: RequestInfo,
    now: Millis,
    reply: (response: AlterConfigsResponse) => void,
  ): void {
    this.decideForClient(() => decideIncrementalAlterConfigs(this.topicsContext(info), request), {
      reply,
      fail: (failure) => failAlterConfigs(request, failure),
      deadline: now + ALTER_CONFIGS_TIMEOUT_MS,
    });
  }

  /** The time at which `tick` is due next. Each call of another method may change it. */
  nextDeadline(): Millis | undefined {
    const expiry = this.isActive ? this.sessions.nextExpiry() : undefined;
    const timeout = this.deadlines.next();
    if (expiry === undefined || timeout === undefined) return expiry ?? timeout;
    return Math.min(expiry, timeout);
  }

  /** Ends the sessions and parked requests whose time is over at `now`. */
  tick(now: Millis): void {
    const late = new Set<Parked>();
    for (let entry = this.deadlines.popDue(now); entry !== undefined; entry = this.deadlines.popDue(now))
      late.add(entry);
    if (late.size > 0) this.parked.removeWhere((entry) => late.has(entry));
    for (const entry of late) entry.failed(TIMED_OUT);
    if (!this.isActive) return;
    const ended = this.sessions.takeExpired(now);
    for (const { brokerId, reason } of ended)
      this.options.logger.info('broker-session-ended', { epoch: this.activeEpoch, brokerId, reason });
    const records = fenceEnded(this.head, this.config, ended);
    if (records.length > 0) this.replayProposed(this.batchesOf(records)!.batches);
  }

  private brokerContext(): BrokerContext {
    const clusterId = this.options.clusterId?.();
    return { image: this.head, sessions: this.sessions, config: this.config, clusterId };
  }

  private topicsContext({ requestId, clientId }: RequestInfo): TopicsContext {
    const { head: image, config, createdConfigs } = this;
    return { image, config, random: this.options.random, createdConfigs, requestId, clientId };
  }

  private decideForClient<R>(decide: () => Decision<R>, call: Omit<Call<R>, 'bytesMax'>): void {
    this.decideAndExecute(decide, { ...call, bytesMax: REQUEST_BYTES_MAX });
  }

  private decideAndExecute<R>(decide: () => Decision<R>, call: Call<R>): void {
    if (this.isActive) this.execute(decide(), call);
    else call.reply(call.fail(NOT_CONTROLLER));
  }

  /** Proposes and replays the records. Answers when everything that the decision saw is committed. */
  private execute<R>(decision: Decision<R>, call: Call<R>): boolean {
    if (decision.records.length > 0) {
      const proposed = this.batchesOf(decision.records);
      const isTooLarge = proposed === undefined || proposed.bytes > (call.bytesMax ?? proposed.bytes);
      if (isTooLarge || !this.replayProposed(proposed.batches)) {
        call.reply(call.fail(isTooLarge ? TOO_LARGE : NOT_CONTROLLER));
        return false;
      }
    }
    this.logWhenCommitted(decision);
    const response = decision.respond(this.head);
    if (this.head.offset <= this.image.offset) {
      call.reply(response);
      return true;
    }
    const entry: Parked = {
      deadline: undefined,
      committed: () => call.reply(response),
      failed: (failure) => call.reply(call.fail(failure)),
    };
    if (call.deadline !== undefined) entry.deadline = this.deadlines.add(call.deadline, entry);
    this.parked.park(this.head.offset, entry);
    return true;
  }

  private logWhenCommitted({ log = [] }: Decision<unknown>): void {
    if (log.length === 0) return;
    if (this.head.offset <= this.image.offset) logAll(this.options.logger, log);
    else this.parkedLogs.park(this.head.offset, this.activeEpoch!, log);
  }

  private batchesOf(records: readonly MetadataRecord[]): ProposedBatches | undefined {
    return batchesOf(records, this.config.batchBytes);
  }

  /**
   * Proposes the batches and replays them into `head`. False: this node no longer leads the quorum, and
   * `resigned` follows.
   */
  private replayProposed(batches: readonly ProposedBatch[]): boolean {
    assert(this.activeEpoch !== undefined, 'only the active controller proposes');
    for (const { records, encoded } of batches) {
      const last = this.options.propose(encoded);
      if (last === undefined) return false;
      const baseOffset = last - records.length + 1;
      const { image, delta } = applyRecords(this.head, { baseOffset, epoch: this.activeEpoch, records });
      this.head = image;
      for (const id of delta.changedBrokers)
        if (delta.previous.isAlive(id) && !image.isAlive(id)) this.sessions.fenced(id, last);
    }
    return true;
  }
}
