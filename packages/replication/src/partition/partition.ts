/**
 * One partition's replica on this broker: its role, epoch, high watermark and log. Synchronous: inputs are
 * calls, and effects go through its ports. The state of a leader is in leadership.ts, and never outlives the
 * leader epoch that created it.
 */
import { assert, type LeaderEpoch, type NodeId, type Offset, type Uuid } from '@millrace/base';
import type { Admission, DoorOptions, PartitionLog } from '@millrace/log';
import { isInternalTopic } from '@millrace/metadata';
import { ErrorCode, isRetriable } from '@millrace/protocol';
import type { CurrentLeader, ProduceResult } from '../types.ts';
import { type Acknowledgement, produceFailure } from './acks.ts';
import type { BlockedProducers } from './blocked-producers.ts';
import { Corruption } from './corruption.ts';
import { DeviceSync } from './device-sync.ts';
import { FlushDeadline } from './flush-deadline.ts';
import { proposeIsr } from './isr-proposal.ts';
import { IsrState } from './isr-state.ts';
import { type LeaderRequest, Leadership } from './leadership.ts';
import { minIsrOf } from './min-isr.ts';
import type { FetchWaiter, PartitionAssignment, PartitionPorts } from './ports.ts';
import type { PartitionSettings } from './settings.ts';

export type Role = 'leader' | 'follower' | 'none';

export interface PartitionOptions {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly index: number;
  readonly log: PartitionLog;
  readonly settings: PartitionSettings;
  /** The checkpointed high watermark; 0: none. It may date from before a cleaning (see `Gaps`). */
  readonly highWatermark: Offset;
  /** Producers blocked before this replica opened. */
  readonly blockedProducers: BlockedProducers;
  readonly ports: PartitionPorts;
}

export class Partition {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly index: number;
  readonly log: PartitionLog;
  /** The owner sets them, and calls `settingsChanged` when the assignment of the same metadata is set. */
  settings: PartitionSettings;
  role: Role = 'none';
  /** The state of this leader. Set while `role` is leader and the replica is online. */
  leadership: Leadership | undefined;
  /** The latest known leader; -1: none. */
  leaderId: NodeId = -1;
  /** The latest known leader epoch. Never decreases. */
  leaderEpoch: LeaderEpoch = -1;
  replicas: readonly NodeId[] = [];
  /** Eligible leader replicas. They are not in the ISR, but the controller may elect them. */
  elr: readonly NodeId[] = [];
  readonly isrState = new IsrState();
  /**
   * As far as this replica knows, every member of the ISR holds all records below this offset. The high
   * watermark moves backward only when the replica truncates its log or restarts it. Invariant:
   * log.startOffset <= highWatermark <= log.endOffset.
   */
  highWatermark: Offset;
  /** True if the replica's disk failed. Clients get KAFKA_STORAGE_ERROR until the broker restarts. */
  isOffline = false;
  isClosed = false;
  readonly corruption: Corruption;
  /** The parked fetches and the fetch sessions that read this partition. */
  readonly waiters = new Set<FetchWaiter>();
  /**
   * Called once: after the next sync of the log, or when the replica goes offline. Sends the follower's next
   * fetch.
   */
  onSynced: (() => void) | undefined;
  /** Called when the log start offset rose, so that the follower's next fetch reports it. */
  onStartAdvanced: (() => void) | undefined;
  private readonly blockedProducers: BlockedProducers;
  private readonly sync: DeviceSync;
  private readonly flushDeadline: FlushDeadline;
  private readonly ports: PartitionPorts;

  constructor(options: PartitionOptions) {
    this.topicId = options.topicId;
    this.topic = options.topic;
    this.index = options.index;
    this.log = options.log;
    this.settings = options.settings;
    this.ports = options.ports;
    this.blockedProducers = options.blockedProducers;
    this.log.startAdvanced = () => {
      this.touchWaiters();
      this.onStartAdvanced?.();
    };
    this.log.syncFailed = () => this.noticeOffline();
    this.corruption = new Corruption(this, options.ports);
    const { startOffset, endOffset, committedEnd } = this.log;
    this.highWatermark = Math.min(Math.max(options.highWatermark, startOffset, committedEnd), endOffset);
    this.sync = new DeviceSync(this.log, {
      ports: options.ports,
      synced: () => this.synced(),
      failed: (error) => this.diskFailed(error.message),
    });
    this.flushDeadline = new FlushDeadline(this.log, options.ports.after, () => this.sync.request());
    this.flushDeadline.consider(this.settings.flushMs);
  }

  get isr(): readonly NodeId[] {
    return this.isrState.committed;
  }

  get partitionEpoch(): number {
    return this.isrState.partitionEpoch;
  }

  /** Equals the high watermark, because there are no transactions yet. */
  get lastStableOffset(): Offset {
    return this.highWatermark;
  }

  /** `min.insync.replicas`, but at most the number of replicas. */
  get minIsrEffective(): number {
    return minIsrOf(this.settings.minInsyncReplicas, this.replicas);
  }

  get currentLeader(): CurrentLeader {
    return { leaderId: this.leaderId, leaderEpoch: this.leaderEpoch };
  }

  /**
   * Why this replica now appends no records of its leader, although its disk works: too little space is free.
   * Undefined: there is room. An internal topic may use more of the free space than another topic, because
   * groups that only read must still commit their offsets.
   */
  get shortage(): string | undefined {
    const { room } = this.ports;
    return isInternalTopic(this.topic) ? room.coordinatorShortage : room.shortage;
  }

  /** True if the broker's lease is over: another broker may already lead. */
  get mayBeReplaced(): boolean {
    return !this.ports.holdsLease();
  }

  /** The log end that this replica may report. With flush.messages=1, only synced records count. */
  get ownEnd(): Offset {
    const { endOffset, recoveryPoint } = this.log;
    return this.settings.syncsBeforeAck ? Math.min(recoveryPoint, endOffset) : endOffset;
  }

  // ------------------------------------------------------------------ roles

  /**
   * Takes the controller's latest assignment. Ignores an assignment of an earlier leader epoch. The present
   * assignment may come again, to restore a role that `dropRole` dropped.
   */
  assign(assignment: PartitionAssignment): void {
    if (this.isClosed || assignment.leaderEpoch < this.leaderEpoch) return;
    this.replicas = assignment.replicas;
    this.elr = assignment.elr;
    if (assignment.isr.includes(this.ports.brokerId)) this.corruption.rejoined();
    if (assignment.leaderEpoch > this.leaderEpoch || this.role === 'none') {
      this.changeRole(assignment);
      this.askToBeReplacedIfOffline();
      return;
    }
    const previous = this.isr;
    if (!this.isrState.commit(assignment.isr, assignment.partitionEpoch)) return;
    this.leadership?.isrChanged(previous);
    if (this.role === 'follower') this.corruption.askToLeave();
    this.askToBeReplacedIfOffline();
  }

  /**
   * Drops the replica's role, because this broker's registration is in doubt. The replica gets a role again
   * when the metadata has the broker's registration.
   */
  dropRole(): void {
    this.role = 'none';
    this.endLeadership(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  }

  private changeRole(assignment: PartitionAssignment): void {
    const leads = assignment.leader === this.ports.brokerId;
    this.leaderId = assignment.leader;
    this.leaderEpoch = assignment.leaderEpoch;
    this.isrState.replace(assignment.isr, assignment.partitionEpoch);
    this.role = leads ? 'leader' : 'follower';
    this.endLeadership(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    const { logger } = this.ports;
    const facts = {
      ...this.facts(),
      leader: assignment.leader,
      isr: assignment.isr,
      endOffset: this.log.endOffset,
      highWatermark: this.highWatermark,
    };
    // Only the leader logs at info level; the lines of its followers would repeat the same facts.
    if (leads) logger.info('became-leader', facts);
    else logger.debug('became-follower', facts);
    if (!leads) this.corruption.restartLog();
    if (!leads || this.isOffline) return;
    this.ports.counters.becameLeader();
    this.ports.leaderships.began(this, this.leaderEpoch);
    this.leadership = new Leadership(this, this.ports);
    this.log.assignLeaderEpoch(this.leaderEpoch, this.log.endOffset);
    this.noticeOffline();
    if (this.settings.syncsBeforeAck && this.ownEnd < this.log.endOffset) this.sync.request();
    this.leadership?.advanceHighWatermark();
    if (this.corruption.reason !== undefined) this.leadership?.askToResign();
  }

  /**
   * Answers parked produce requests at once, because no acknowledgement may outlive the leadership. Also
   * wakes parked fetches.
   */
  private endLeadership(errorCode: ErrorCode): void {
    const { leadership } = this;
    this.leadership = undefined;
    leadership?.end(errorCode);
    if (leadership !== undefined) this.ports.leaderships.ended(this, leadership.epoch);
    this.notifyWaiters();
  }

  private notifyWaiters(): void {
    for (const waiter of this.waiters) waiter.notify(Number.POSITIVE_INFINITY);
  }

  /** Called when the log start or the ISR changed. The sessions' next fetches then visit the partition. */
  touchWaiters(): void {
    for (const waiter of this.waiters) waiter.touch();
  }

  /** Returns NONE if this replica leads, and the caller names its leader epoch, or -1 for any epoch. */
  checkLeader(currentLeaderEpoch: LeaderEpoch): ErrorCode {
    if (this.isClosed) return ErrorCode.NOT_LEADER_OR_FOLLOWER;
    if (this.isOffline) return ErrorCode.KAFKA_STORAGE_ERROR;
    const epochError = this.checkEpoch(currentLeaderEpoch);
    if (epochError !== ErrorCode.NONE) return epochError;
    return this.role === 'leader' ? ErrorCode.NONE : ErrorCode.NOT_LEADER_OR_FOLLOWER;
  }

  checkEpoch(currentLeaderEpoch: LeaderEpoch): ErrorCode {
    if (currentLeaderEpoch === -1 || currentLeaderEpoch === this.leaderEpoch) return ErrorCode.NONE;
    return currentLeaderEpoch < this.leaderEpoch
      ? ErrorCode.FENCED_LEADER_EPOCH
      : ErrorCode.UNKNOWN_LEADER_EPOCH;
  }

  // ------------------------------------------------------------------ leader

  /**
   * Appends one batch and returns the result of the append: its offsets, or its error. Settles the
   * acknowledgement, at once or later, when the guarantee of `acks` holds or fails. Undefined: checking the
   * batch would block the event loop, and nothing was changed. The caller then checks the batch in a job and
   * calls again with the job's result (`admission`).
   */
  produce(
    records: Uint8Array | null,
    request: LeaderRequest,
    acknowledgement: Acknowledgement,
    admission?: Admission,
  ): ProduceResult | undefined {
    const result = this.produceAsLeader(records, request, acknowledgement, admission);
    if (result === undefined || result.errorCode === ErrorCode.NONE) return result;
    if (isRetriable(result.errorCode)) this.blockedProducers.batchFailed(records, this.ports.now());
    acknowledgement.settle(result);
    return result;
  }

  private produceAsLeader(
    records: Uint8Array | null,
    request: LeaderRequest,
    acknowledgement: Acknowledgement,
    admission: Admission | undefined,
  ): ProduceResult | undefined {
    const leaderError = this.checkLeader(-1);
    if (leaderError !== ErrorCode.NONE)
      return produceFailure(leaderError, { currentLeader: this.currentLeader });
    const { leadership } = this;
    assert(leadership !== undefined, 'a leader has a leadership');
    if (this.blockedProducers.isEmpty)
      return leadership.produce(records, request, acknowledgement, admission);
    if (this.blockedProducers.mustWait(records, this.log, this.ports.now()))
      return produceFailure(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, {
        message: 'an earlier batch of this producer was refused and must be retried first',
      });
    const result = leadership.produce(records, request, acknowledgement, admission);
    if (result?.errorCode === ErrorCode.NONE) this.blockedProducers.appended(records);
    return result;
  }

  /**
   * Appends a batch of a coordinator of this broker, if this replica still leads in the coordinator's leader
   * epoch. Returns its offsets, or an error, at once. Settles the acknowledgement when the ISR has written
   * the batch, or when this leadership cannot commit it. After NOT_LEADER_OR_FOLLOWER, the next leader may
   * still have the batch.
   */
  append(records: Uint8Array, leaderEpoch: LeaderEpoch, acknowledgement: Acknowledgement): ProduceResult {
    if (this.leadership?.epoch !== leaderEpoch) {
      const failure = produceFailure(ErrorCode.NOT_LEADER_OR_FOLLOWER, { currentLeader: this.currentLeader });
      acknowledgement.settle(failure);
      return failure;
    }
    const admission = this.log.admitWhole(records, this.ports.wallMs());
    return this.produce(records, { acks: -1, isOfCoordinator: true }, acknowledgement, admission)!;
  }

  /**
   * Fails a batch without a check. The error is REQUEST_TIMED_OUT, so that the producer retries the batch.
   */
  failUnchecked(records: Uint8Array, message: string): ProduceResult {
    this.blockedProducers.batchFailed(records, this.ports.now());
    return produceFailure(ErrorCode.REQUEST_TIMED_OUT, { message });
  }

  /** The options for checking a client's batch now. */
  doorOptions(apiVersion: number): DoorOptions {
    return this.log.doorOptions(this.ports.wallMs(), apiVersion);
  }

  /**
   * Checks again whether a flush is due, and what the leader may acknowledge or commit. Called when the
   * replica has both the settings and the assignment of the same metadata: min.insync.replicas counts only
   * with its ISR and epoch.
   */
  settingsChanged(): void {
    this.flushIfDue();
    this.leadership?.ownEndMoved();
  }

  /**
   * Asks for a flush if one is due. If none is due, sets the deadline of `flush.ms`. Called after an append
   * by the leader or by a follower, when the settings changed, and before a fetch that must wait for an
   * fsync.
   */
  flushIfDue(): void {
    if (this.log.flushDue) this.sync.request();
    else this.flushDeadline.consider(this.settings.flushMs);
  }

  private synced(): void {
    this.flushDeadline.consider(this.settings.flushMs);
    this.leadership?.ownEndMoved();
    this.releaseOnSynced();
  }

  private releaseOnSynced(): void {
    const { onSynced } = this;
    this.onSynced = undefined;
    onSynced?.();
  }

  // ------------------------------------------------------------------ follower

  /**
   * Appends the leader's batches. The first one begins at the end of this log. If this log is empty, and the
   * leader's log starts within a batch, the first one begins lower. Below the leader's high watermark there
   * may be gaps between batches. Without room a follower appends nothing, falls behind, and leaves the ISR
   * like any follower that lags.
   */
  appendAsFollower(records: Uint8Array, leaderHighWatermark = 0): ErrorCode {
    assert(this.role === 'follower', 'only a follower appends what a leader sends');
    if (this.shortage !== undefined) return ErrorCode.KAFKA_STORAGE_ERROR;
    const sizeBefore = this.log.sizeBytes;
    const appended = this.log.appendAsFollower(records, this.ports.wallMs(), leaderHighWatermark);
    if (appended.ok) {
      // An empty log may first replace its segments, so its size may fall.
      const sizeBytes = Math.max(0, this.log.sizeBytes - sizeBefore);
      this.ports.counters.appended('follower', sizeBytes);
      this.ports.room.used(sizeBytes);
      this.flushIfDue();
      return ErrorCode.NONE;
    }
    this.noticeOffline();
    if (appended.damage !== undefined) {
      this.corruption.found(appended.damage);
      return appended.errorCode;
    }
    if (appended.errorCode === ErrorCode.KAFKA_STORAGE_ERROR) this.ports.room.appendFailed();
    if (!this.isOffline)
      this.ports.logger.error('follower-append-failed', {
        ...this.facts(),
        errorCode: appended.errorCode,
        reason: appended.message,
      });
    return appended.errorCode;
  }

  /**
   * Takes the leader's high watermark and log start offset from a fetch response. The leader's log may be
   * longer than this one, so the high watermark is limited to this log's end.
   */
  learnFromLeader(leader: { readonly highWatermark: Offset; readonly logStartOffset: Offset }): void {
    assert(this.role === 'follower', 'only a follower learns from a leader');
    const known = Math.min(leader.highWatermark, this.log.endOffset);
    if (known > this.highWatermark) this.highWatermark = known;
    if (leader.logStartOffset > this.log.startOffset && leader.logStartOffset <= this.highWatermark)
      this.log.advanceStartOffset(leader.logStartOffset);
    this.noticeOffline();
  }

  /** Truncates a log that diverged from the leader's log, or that is longer than the leader's log. */
  truncateTo(offset: Offset, reason: 'diverged' | 'leader-ends-earlier'): void {
    assert(this.role === 'follower', 'only a follower truncates');
    const { endOffset } = this.log;
    if (offset < this.highWatermark) this.lostCommitted(offset);
    this.log.truncateTo(offset);
    this.noticeOffline();
    this.highWatermark = Math.min(this.highWatermark, this.log.endOffset);
    this.ports.logger.info('replica-truncated', {
      ...this.facts(),
      from: endOffset,
      to: this.log.endOffset,
      reason,
    });
  }

  /**
   * Deletes the whole log and starts it at `offset`, because the leader's log begins above this log's end, or
   * because this log is corrupt.
   */
  restartAt(offset: Offset, reason: 'leader-begins-later' | 'damaged'): void {
    assert(this.role === 'follower', 'only a follower restarts its log');
    const { endOffset } = this.log;
    this.log.truncateFullyAndStartAt(offset);
    this.noticeOffline();
    this.highWatermark = offset;
    this.ports.logger.warn('replica-restarted', { ...this.facts(), from: endOffset, to: offset, reason });
  }

  /**
   * Logs the error that this follower removes committed records, because the leader lacks them. Cannot happen
   * after clean elections.
   */
  private lostCommitted(offset: Offset): void {
    this.ports.logger.error('truncated-below-high-watermark', {
      ...this.facts(),
      leader: this.leaderId,
      highWatermark: this.highWatermark,
      to: offset,
    });
  }

  // ------------------------------------------------------------------ failure and end

  /** Takes the replica offline, because its disk failed. */
  diskFailed(reason: string): void {
    if (this.isOffline || this.isClosed) return;
    this.isOffline = true;
    this.ports.logger.error('partition-offline', { ...this.facts(), reason });
    this.endLeadership(ErrorCode.KAFKA_STORAGE_ERROR);
    this.releaseOnSynced();
    this.ports.storageFailed();
    this.askToBeReplacedIfOffline();
  }

  /**
   * Asks the controller to remove this offline replica from ISR and ELR, and to elect another leader if this
   * replica leads. Sends one proposal for each partition epoch in which this replica is in ISR or ELR.
   */
  private askToBeReplacedIfOffline(): void {
    if (!this.isOffline || this.isClosed || this.role === 'none') return;
    const { brokerId } = this.ports;
    const isCountedOn = this.isr.includes(brokerId) || this.elr.includes(brokerId);
    if (!isCountedOn || this.isrState.pending?.kind === 'storage-failed') return;
    // This replica no longer leads, so no acknowledgement relies on its earlier proposal. Drop that proposal.
    this.isrState.revert();
    proposeIsr(this, this.ports, {
      kind: 'storage-failed',
      isr: [],
      answered: ({ errorCode }) => errorCode === ErrorCode.NONE,
    });
  }

  /**
   * Checks whether the log has failed for good. Called after operations that may fail. A full disk alone is
   * not such a failure: the log refuses appends until there is space.
   */
  noticeOffline(): void {
    if (this.log.offline !== undefined) this.diskFailed(this.log.offline);
  }

  /**
   * Ends the replica: this broker no longer hosts it, or the broker stops. The owner closes or deletes the
   * log.
   */
  close(errorCode: ErrorCode): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.role = 'none';
    this.isrState.revert();
    this.sync.stop();
    this.flushDeadline.stop();
    this.onSynced = undefined;
    this.endLeadership(errorCode);
  }

  facts(): { readonly topic: string; readonly partition: number; readonly leaderEpoch: number } {
    return { topic: this.topic, partition: this.index, leaderEpoch: this.leaderEpoch };
  }
}
