/**
 * The controller: decide, then replay. A request is decided against `head`, its records are proposed to the
 * quorum and replayed into `head`, and its answer is parked until they are committed; `image` moves only with
 * committed records, by the same replay. A request that needs no records waits for what it saw of others.
 * Losing leadership drops `head` and refuses everything parked.
 *
 * Nothing is answered from what is not committed, and nothing changes but by replaying records.
 */
import {
  assert,
  type Deadline,
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
import {
  type AllocateProducerIdsRequest,
  type AllocateProducerIdsResponse,
  type AlterPartitionRequest,
  type AlterPartitionResponse,
  applyRecords,
  decodeRecord,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type MetadataDelta,
  MetadataImage,
  type MetadataRecord,
  type RegisterRequest,
  type RegisterResponse,
} from '@millrace/metadata';
import {
  type CreatePartitionsRequest,
  type CreatePartitionsResponse,
  type CreateTopicsRequest,
  type CreateTopicsResponse,
  type DeleteTopicsRequest,
  type DeleteTopicsResponse,
  ErrorCode,
} from '@millrace/protocol';
import { decideAlterPartition } from './alter-partition.ts';
import { type Refusal, refusal } from './assignments.ts';
import { batchesOf, type ProposedBatch, type ProposedBatches } from './batches.ts';
import { electLeaderless } from './broker-effects.ts';
import {
  type BrokerContext,
  currentRegistration,
  decideHeartbeat,
  decideRegister,
  fence,
} from './brokers.ts';
import { type ControllerConfig, defaultControllerConfig } from './config.ts';
import { decideCreatePartitions, failCreatePartitions } from './create-partitions.ts';
import { decideCreateTopics, failCreateTopics, type TopicsContext } from './create-topics.ts';
import { CreatedConfigs } from './created-configs.ts';
import type { Decision } from './decision.ts';
import { decideDeleteTopics, failDeleteTopics } from './delete-topics.ts';
import { logDelta } from './log-delta.ts';
import { decideAllocateProducerIds } from './producer-ids.ts';
import { BrokerSessions } from './sessions.ts';

export interface ControllerOptions {
  readonly nodeId: NodeId;
  readonly random: Random;
  readonly logger: Logger;
  readonly config?: Partial<ControllerConfig>;
  /** The id of this cluster, once known: registrations of other clusters' brokers are refused. */
  readonly clusterId?: () => Uuid | undefined;
  /**
   * Appends to the quorum's log, all or nothing; the offset of the last record, or undefined: this node does
   * not lead.
   */
  readonly propose: (records: Uint8Array[]) => Offset | undefined;
  /**
   * `done(true)` when this node certainly led the quorum at some moment after the call; never called within
   * it.
   */
  readonly confirmLeadership: (done: (leads: boolean) => void) => void;
}

/** A batch of the metadata log that is committed. */
export interface CommittedRecords {
  readonly baseOffset: Offset;
  readonly epoch: QuorumEpoch;
  readonly records: readonly Uint8Array[];
}

/** Who asks, and in which version. */
export interface RequestInfo {
  readonly version: number;
  readonly clientId: string | null;
  /** The same in each retry of the request; undefined: it is not retried. */
  readonly requestId?: Uuid | undefined;
}

interface Parked {
  deadline: Deadline<Parked> | undefined;
  committed(): void;
  failed(failure: Refusal): void;
}

/** How one request is answered. */
interface Call<R> {
  readonly reply: (response: R) => void;
  readonly fail: (failure: Refusal) => R;
  /** When the client stops waiting. */
  readonly deadline?: Millis;
  /** What the client may have written to the log at once. */
  readonly bytesMax?: number;
}

const NOT_CONTROLLER = refusal(ErrorCode.NOT_CONTROLLER, 'this node is not the active controller');
const TIMED_OUT = refusal(ErrorCode.REQUEST_TIMED_OUT, 'not committed in time; it may still be carried out');

/** As Kafka answers an operation of too many records. */
const TOO_LARGE = refusal(ErrorCode.POLICY_VIOLATION, 'Unable to perform excessively large batch operation.');
/** Of the records of one client's request. */
const REQUEST_BYTES_MAX = 16 << 20;

function noLease(errorCode: ErrorCode): HeartbeatResponse {
  return { errorCode, isCaughtUp: false, isFenced: true, shouldShutDown: false, leaseMs: 0 };
}

export class Controller {
  /** At the last committed offset. What everybody may see. */
  image: MetadataImage = MetadataImage.EMPTY;
  /** `image` and everything proposed since; what decisions are made against. Equal to `image` on standbys. */
  head: MetadataImage = MetadataImage.EMPTY;
  /** The epoch of this node's leadership while it is the active controller. */
  activeEpoch: QuorumEpoch | undefined;
  readonly sessions: BrokerSessions;
  readonly config: ControllerConfig;
  private readonly options: ControllerOptions;
  private readonly createdConfigs: CreatedConfigs;
  private readonly parked = new ParkedUntilOffset<Parked>();
  private readonly deadlines = new DeadlineQueue<Parked>();
  /** Brokers whose last heartbeat waits for the quorum to confirm this leadership, and since when. */
  private readonly unconfirmedSince = new Map<NodeId, Millis>();

  constructor(options: ControllerOptions) {
    this.options = options;
    this.config = { ...defaultControllerConfig, ...options.config };
    this.createdConfigs = new CreatedConfigs(this.config.serverProperties);
    this.sessions = new BrokerSessions(this.config.sessionTimeoutMs, this.config.connectionLossGraceMs);
  }

  get isActive(): boolean {
    return this.activeEpoch !== undefined;
  }

  /** Requests that wait for their records to be committed. */
  get parkedCount(): number {
    return this.parked.size;
  }

  /** Every committed batch, in order, on the active controller and on standbys. */
  committed(batch: CommittedRecords): MetadataDelta {
    const { baseOffset, epoch } = batch;
    const records = batch.records.map(decodeRecord);
    const { image, delta } = applyRecords(this.image, { baseOffset, epoch, records });
    this.image = image;
    if (this.head.offset <= image.offset) this.head = image;
    if (this.isActive) logDelta(this.options.logger, delta);
    for (const entry of this.parked.release(image.offset)) {
      if (entry.deadline !== undefined) this.deadlines.cancel(entry.deadline);
      entry.committed();
    }
    return delta;
  }

  /**
   * Every earlier record has been committed and passed to `committed`. Brokers get a full session to find
   * this controller.
   */
  becameLeader(epoch: QuorumEpoch, now: Millis): void {
    assert(this.parked.size === 0, 'a new leadership begins with nothing parked');
    this.activeEpoch = epoch;
    this.head = this.image;
    this.sessions.reset(this.image.offset);
    for (const broker of this.image.sortedBrokers()) {
      if (!broker.fenced) this.sessions.takeOver(broker, now);
    }
    this.options.logger.info('controller-activated', { epoch, offset: this.image.offset });
    this.replayProposed(this.batchesOf(electLeaderless(this.image, this.config))!.batches);
  }

  /** The leadership is over: what was not committed counts as not done (it may yet be, by a successor). */
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

  /** True: this process is the broker from here on, and its control stream speaks for the id. */
  register(request: RegisterRequest, now: Millis, reply: (response: RegisterResponse) => void): boolean {
    const call: Call<RegisterResponse> = {
      reply,
      fail: ({ errorCode, message }) => ({ errorCode, errorMessage: message, brokerEpoch: -1 }),
    };
    if (!this.isActive) {
      reply(call.fail(NOT_CONTROLLER));
      return false;
    }
    const decision = decideRegister(this.brokerContext(now), request);
    if (!this.execute(decision, call)) return false;
    const broker = this.head.broker(request.brokerId);
    if (broker?.incarnationId !== request.incarnationId) return false;
    this.sessions.touch(broker.id, broker.incarnationId, now);
    return true;
  }

  /**
   * The incarnation that speaks: that of the registration with this epoch; undefined: there is none, the
   * broker has to register.
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
      reply(call.fail(refusal(ErrorCode.STALE_BROKER_EPOCH, 'the broker has to register')));
      return undefined;
    }
    this.sessions.touch(broker.id, broker.incarnationId, now, request.metadataOffset);
    const decision = decideHeartbeat(this.brokerContext(now), request);
    // A plain heartbeat does not wait for others' records: it is answered from what is committed. One that
    // crosses its own fence waits.
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
   * A lease is granted only by a controller that was the active one at a moment after the heartbeat arrived:
   * a deposed one does not know that it is, and the brokers' time runs at its successor. And never to a
   * broker whose fence is proposed (docs/leases.md).
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
   * The control stream of this incarnation closed. The broker is fenced after the grace, unless it is heard
   * of again. A broker that has waited for its answer for longer than that has left because the quorum is
   * slow: its session ends in its own time.
   */
  sessionLost(brokerId: NodeId, incarnationId: Uuid, now: Millis): void {
    const since = this.unconfirmedSince.get(brokerId);
    if (since !== undefined && now - since >= this.config.connectionLossGraceMs) return;
    if (this.isActive) this.sessions.connectionLost(brokerId, incarnationId, now);
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
    this.decideAndExecute(() => decideCreateTopics(this.topicsContext(info), request), {
      reply,
      fail: (failure) => failCreateTopics(request, failure),
      deadline: now + Math.max(0, request.timeoutMs),
      bytesMax: REQUEST_BYTES_MAX,
    });
  }

  deleteTopics(
    request: DeleteTopicsRequest,
    info: RequestInfo,
    now: Millis,
    reply: (response: DeleteTopicsResponse) => void,
  ): void {
    this.decideAndExecute(() => decideDeleteTopics(this.head, this.config, request, info), {
      reply,
      fail: (failure) => failDeleteTopics(request, failure),
      deadline: now + Math.max(0, request.timeoutMs),
      bytesMax: REQUEST_BYTES_MAX,
    });
  }

  createPartitions(
    request: CreatePartitionsRequest,
    info: RequestInfo,
    now: Millis,
    reply: (response: CreatePartitionsResponse) => void,
  ): void {
    this.decideAndExecute(() => decideCreatePartitions(this.topicsContext(info), request), {
      reply,
      fail: (failure) => failCreatePartitions(request, failure),
      deadline: now + Math.max(0, request.timeoutMs),
      bytesMax: REQUEST_BYTES_MAX,
    });
  }

  /** When `tick` has something to do next. May change with every call. */
  nextDeadline(): Millis | undefined {
    const expiry = this.isActive ? this.sessions.nextExpiry() : undefined;
    const timeout = this.deadlines.next();
    if (expiry === undefined || timeout === undefined) return expiry ?? timeout;
    return Math.min(expiry, timeout);
  }

  /** Ends sessions and waiting that are over at `now`. */
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
    const ids = ended.map(({ brokerId }) => brokerId);
    const records = fence(this.brokerContext(now), ids);
    if (records.length > 0) this.replayProposed(this.batchesOf(records)!.batches);
  }

  private brokerContext(now: Millis): BrokerContext {
    const clusterId = this.options.clusterId?.();
    return { image: this.head, sessions: this.sessions, config: this.config, clusterId, now };
  }

  private topicsContext({ requestId }: RequestInfo): TopicsContext {
    const { head: image, config, createdConfigs } = this;
    return { image, config, random: this.options.random, createdConfigs, requestId };
  }

  private decideAndExecute<R>(decide: () => Decision<R>, call: Call<R>): void {
    if (this.isActive) this.execute(decide(), call);
    else call.reply(call.fail(NOT_CONTROLLER));
  }

  /** Proposes and replays the records, then answers once everything the decision has seen is committed. */
  private execute<R>(decision: Decision<R>, call: Call<R>): boolean {
    if (decision.records.length > 0) {
      const proposed = this.batchesOf(decision.records);
      const isTooLarge = proposed === undefined || proposed.bytes > (call.bytesMax ?? proposed.bytes);
      if (isTooLarge || !this.replayProposed(proposed.batches)) {
        call.reply(call.fail(isTooLarge ? TOO_LARGE : NOT_CONTROLLER));
        return false;
      }
    }
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

  private batchesOf(records: readonly MetadataRecord[]): ProposedBatches | undefined {
    return batchesOf(records, this.config.batchBytes);
  }

  /** False: the quorum has another leader already, and `resigned` will follow. */
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
