/**
 * One partition's replica on this broker: its role, epoch, high watermark and log. A synchronous heart:
 * inputs are calls, effects go through its ports. What exists only while leading is in leadership.ts; it must
 * never survive the epoch it was born in.
 */
import { assert, type LeaderEpoch, type Millis, type NodeId, type Offset, type Uuid } from '@millrace/base';
import type { Admission, DoorOptions, PartitionLog } from '@millrace/log';
import { ErrorCode, isRetriable } from '@millrace/protocol';
import type { CurrentLeader, ProduceResult } from '../types.ts';
import { type ProduceOperation, produceFailure } from './acks.ts';
import { DeviceSync } from './device-sync.ts';
import { FlushDeadline } from './flush-deadline.ts';
import { proposeIsr } from './isr-proposal.ts';
import { IsrState } from './isr-state.ts';
import { Leadership } from './leadership.ts';
import type { FetchWaiter, PartitionAssignment, PartitionPorts } from './ports.ts';
import type { RefusedProducers } from './refused-producers.ts';

export type Role = 'leader' | 'follower' | 'none';

/** Settings of the topic that the partition itself obeys; the log has its own. */
export interface PartitionSettings {
  /** `min.insync.replicas` */
  readonly minInsyncReplicas: number;
  /** `flush.messages` is 1: acknowledgements and fetch offsets wait for the device. */
  readonly syncsBeforeAck: boolean;
  /** `flush.ms`; infinite: nothing is flushed because of its age. */
  readonly flushMs: Millis;
}

export interface PartitionOptions {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly index: number;
  readonly log: PartitionLog;
  readonly settings: PartitionSettings;
  /** From the checkpoint; 0 when there is none. */
  readonly highWatermark: Offset;
  /** Those that were refused before the replica was opened. */
  readonly refusedProducers: RefusedProducers;
  readonly ports: PartitionPorts;
}

export class Partition {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly index: number;
  readonly log: PartitionLog;
  settings: PartitionSettings;
  role: Role = 'none';
  /** Set exactly while `role` is leader. */
  leadership: Leadership | undefined;
  /** Latest known leader, -1 none. */
  leaderId: NodeId = -1;
  /** Latest known epoch. Only grows. */
  leaderEpoch: LeaderEpoch = -1;
  replicas: readonly NodeId[] = [];
  /** Eligible leader replicas: not in the ISR, and counted on as if they were. */
  elr: readonly NodeId[] = [];
  readonly isrState = new IsrState();
  /**
   * Everything below is on all members of the ISR, as far as this replica has heard. Moves forward only, but
   * for truncations that epochs demand. Invariant: log.startOffset <= highWatermark <= log.endOffset.
   */
  highWatermark: Offset;
  /** The disk failed under it: everything answers KAFKA_STORAGE_ERROR until the broker is restarted. */
  isOffline = false;
  isClosed = false;
  /**
   * What is wrong with bytes that were written: the log may not be led from, nor vouched for. The controller
   * is asked not to count on this replica any more; in the leader epoch that follows the log is thrown away
   * and fetched anew. The last member of an ISR stays: nobody has more than it.
   */
  damage: string | undefined;
  /** The log was thrown away because of damage, and the replica has not been in the ISR since. */
  private isRefetching = false;
  /** Parked fetches that read this partition. */
  readonly waiters = new Set<FetchWaiter>();
  /** Parked until `ownEnd` moves: a follower's next fetch. */
  onSynced: (() => void) | undefined;
  private readonly refusedProducers: RefusedProducers;
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
    this.refusedProducers = options.refusedProducers;
    this.highWatermark = Math.min(Math.max(options.highWatermark, this.log.startOffset), this.log.endOffset);
    this.sync = new DeviceSync(this.log, {
      soon: (callback) => this.ports.soon(callback),
      synced: () => this.synced(),
      failed: (error) => this.diskFailed(error.message),
    });
    const { after } = options.ports;
    this.flushDeadline = new FlushDeadline(this.log, after, () => this.sync.request());
    this.flushDeadline.consider(this.settings.flushMs);
  }

  get isr(): readonly NodeId[] {
    return this.isrState.committed;
  }

  get partitionEpoch(): number {
    return this.isrState.partitionEpoch;
  }

  /** Until transactions exist everything below the high watermark is decided. */
  get lastStableOffset(): Offset {
    return this.highWatermark;
  }

  /** A topic with fewer replicas than min.insync.replicas asks for all of them. */
  get minIsrEffective(): number {
    return Math.min(this.settings.minInsyncReplicas, this.replicas.length);
  }

  get currentLeader(): CurrentLeader {
    return { leaderId: this.leaderId, leaderEpoch: this.leaderEpoch };
  }

  /** The session with the controller is over: another may lead by now. */
  get mayBeReplaced(): boolean {
    return !this.ports.holdsLease();
  }

  /** What this replica may count for: written, or synced where that is promised. */
  get ownEnd(): Offset {
    const { endOffset, recoveryPoint } = this.log;
    return this.settings.syncsBeforeAck ? Math.min(recoveryPoint, endOffset) : endOffset;
  }

  // ------------------------------------------------------------------ roles

  /**
   * The controller's latest word. An older one is ignored; the same again only restores a role that was
   * resigned.
   */
  assign(assignment: PartitionAssignment): void {
    if (this.isClosed || assignment.leaderEpoch < this.leaderEpoch) return;
    this.replicas = assignment.replicas;
    this.elr = assignment.elr;
    if (assignment.isr.includes(this.ports.brokerId)) this.isRefetching = false;
    if (assignment.leaderEpoch > this.leaderEpoch || this.role === 'none') {
      this.changeRole(assignment);
      this.askToBeReplacedIfOffline();
      return;
    }
    const previous = this.isr;
    if (!this.isrState.commit(assignment.isr, assignment.partitionEpoch)) return;
    this.leadership?.isrChanged(previous);
    if (this.role === 'follower') this.askToLeaveIfDamaged();
    this.askToBeReplacedIfOffline();
  }

  /** This broker's registration is in doubt: no role until the metadata names it again. */
  resign(): void {
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
    // The leader's line says all about the partition; its followers would say it again.
    if (leads) logger.info('became-leader', facts);
    else logger.debug('became-follower', facts);
    if (!leads) this.startAnewIfDamaged();
    if (!leads || this.isOffline) return;
    this.leadership = new Leadership(this, this.ports);
    this.log.assignLeaderEpoch(this.leaderEpoch, this.log.endOffset);
    this.noticeOffline();
    if (this.settings.syncsBeforeAck && this.ownEnd < this.log.endOffset) this.sync.request();
    this.leadership?.advanceHighWatermark();
    if (this.damage !== undefined) this.leadership?.giveUp();
  }

  /**
   * Nothing that was promised under a leadership outlives it: parked produce and fetch are answered at once.
   */
  private endLeadership(errorCode: ErrorCode): void {
    const { leadership } = this;
    this.leadership = undefined;
    leadership?.end(errorCode);
    this.notifyWaiters();
  }

  private notifyWaiters(): void {
    for (const waiter of this.waiters) waiter.notify(Number.POSITIVE_INFINITY);
  }

  /** NONE when this replica leads and the caller's epoch is its own (-1: not checked). */
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
   * Appends one batch. The returned result holds unless the operation was parked and its acknowledgement
   * fails. Undefined: checking the batch would hold up the event loop, and nothing was done; to be called
   * again with what was found out elsewhere.
   */
  produce(
    records: Uint8Array | null,
    request: { readonly acks: number; readonly apiVersion: number },
    operation: ProduceOperation,
    slot: number,
    admission?: Admission,
  ): ProduceResult | undefined {
    const result = this.produceAsLeader(records, request, operation, slot, admission);
    if (result !== undefined && isRetriable(result.errorCode))
      this.refusedProducers.refused(records, this.ports.now());
    return result;
  }

  private produceAsLeader(
    records: Uint8Array | null,
    request: { readonly acks: number; readonly apiVersion: number },
    operation: ProduceOperation,
    slot: number,
    admission: Admission | undefined,
  ): ProduceResult | undefined {
    const refusal = this.checkLeader(-1);
    if (refusal !== ErrorCode.NONE) return produceFailure(refusal, { currentLeader: this.currentLeader });
    const { leadership } = this;
    assert(leadership !== undefined, 'a leader has a leadership');
    if (this.refusedProducers.isEmpty)
      return leadership.produce(records, request, operation, slot, admission);
    if (this.refusedProducers.mustWait(records, this.log, this.ports.now()))
      return produceFailure(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, {
        message: 'an earlier batch of the producer was refused and has to come first',
      });
    const result = leadership.produce(records, request, operation, slot, admission);
    if (result?.errorCode === ErrorCode.NONE) this.refusedProducers.appended(records);
    return result;
  }

  /** A batch that never got as far as to be judged. */
  refuse(records: Uint8Array, errorCode: ErrorCode, message: string): ProduceResult {
    if (isRetriable(errorCode)) this.refusedProducers.refused(records, this.ports.now());
    return produceFailure(errorCode, { message });
  }

  /** By what a client's batch is checked now. */
  doorOptions(apiVersion: number): DoorOptions {
    return this.log.doorOptions(this.ports.wallMs(), apiVersion);
  }

  /** The topic's settings changed: what waits under the old ones is looked at again. */
  configure(settings: PartitionSettings): void {
    this.settings = settings;
    this.flushIfDue();
    this.leadership?.ownEndMoved();
  }

  /** After an append on either side. */
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

  /** Batches from the leader of `leaderEpoch`, which begin at this log's end. */
  appendAsFollower(records: Uint8Array): ErrorCode {
    assert(this.role === 'follower', 'only a follower appends what a leader sends');
    const appended = this.log.appendAsFollower(records, this.ports.wallMs());
    if (appended.ok) {
      this.flushIfDue();
      return ErrorCode.NONE;
    }
    this.noticeOffline();
    if (appended.damage !== undefined) this.foundDamaged(appended.damage);
    else if (!this.isOffline)
      this.ports.logger.error('follower-append-failed', {
        ...this.facts(),
        errorCode: appended.errorCode,
        reason: appended.message,
      });
    return appended.errorCode;
  }

  /** One round trip late: never more than this log holds. */
  learnFromLeader(leader: { readonly highWatermark: Offset; readonly logStartOffset: Offset }): void {
    assert(this.role === 'follower', 'only a follower learns from a leader');
    const known = Math.min(leader.highWatermark, this.log.endOffset);
    if (known > this.highWatermark) this.highWatermark = known;
    if (leader.logStartOffset > this.log.startOffset && leader.logStartOffset <= this.highWatermark)
      this.log.advanceStartOffset(leader.logStartOffset);
    this.noticeOffline();
  }

  /** Epochs showed that this log went another way than its leader's. */
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

  /** The leader's log begins above this one's end: nothing here connects to it. */
  restartAt(offset: Offset, reason: 'leader-begins-later' | 'damaged'): void {
    assert(this.role === 'follower', 'only a follower starts anew');
    const { endOffset } = this.log;
    this.log.truncateFullyAndStartAt(offset);
    this.noticeOffline();
    this.highWatermark = offset;
    this.ports.logger.warn('replica-restarted', { ...this.facts(), from: endOffset, to: offset, reason });
  }

  /**
   * Cannot happen after clean elections: records that were committed are removed because the leader lacks
   * them.
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

  /**
   * A read brought bytes that cannot be what was written, or the device refused a follower's write. If that
   * happens again before the replica was in the ISR again, the device cannot hold the log: without an end
   * each attempt would cost a leader epoch.
   */
  foundDamaged(reason: string): void {
    if (this.damage !== undefined || this.isClosed) return;
    if (this.isRefetching) {
      this.diskFailed(`damaged again while it was fetched anew: ${reason}`);
      return;
    }
    this.damage = reason;
    this.ports.storageFailed();
    this.ports.logger.error('replica-damaged', { ...this.facts(), reason, isr: this.isr });
    this.leadership?.giveUp();
    if (this.role === 'follower') this.askToLeaveIfDamaged();
  }

  /**
   * At the beginning of a leader epoch: whatever this replica told of its log was in an earlier one, and
   * counts no more. Never while it may be elected: it would be followed by those who have what it threw away.
   * Nor while there is nobody to fetch from.
   */
  private startAnewIfDamaged(): void {
    if (this.damage === undefined || this.isOffline || this.leaderId < 0) return;
    const { brokerId } = this.ports;
    if (this.isr.includes(brokerId) || this.elr.includes(brokerId)) {
      this.askToLeaveIfDamaged();
      return;
    }
    this.damage = undefined;
    this.isRefetching = true;
    this.restartAt(this.log.startOffset, 'damaged');
  }

  /**
   * Not to be counted on, and for a new leader epoch. The wish is repeated until the metadata name another
   * state of the partition.
   */
  private askToLeaveIfDamaged(): void {
    if (this.damage === undefined || this.isOffline) return;
    const others = this.isr.filter((brokerId) => brokerId !== this.ports.brokerId);
    if (others.length === 0 || this.isrState.pending !== undefined) return;
    proposeIsr(this, this.ports, {
      kind: 'resign',
      isr: others.map((brokerId) => ({ brokerId, brokerEpoch: -1 })),
      answered: ({ errorCode }) => errorCode === ErrorCode.NONE,
    });
  }

  private diskFailed(reason: string): void {
    if (this.isOffline || this.isClosed) return;
    this.isOffline = true;
    this.ports.logger.error('partition-offline', { ...this.facts(), reason });
    this.endLeadership(ErrorCode.KAFKA_STORAGE_ERROR);
    this.releaseOnSynced();
    this.ports.storageFailed();
    this.askToBeReplacedIfOffline();
  }

  /**
   * Only the controller can give the partition a leader whose disk works. Asked for each state of the
   * partition that counts on this replica.
   */
  private askToBeReplacedIfOffline(): void {
    if (!this.isOffline || this.isClosed || this.role === 'none') return;
    const { brokerId } = this.ports;
    const isCountedOn = this.isr.includes(brokerId) || this.elr.includes(brokerId);
    if (!isCountedOn || this.isrState.pending?.kind === 'storage-failed') return;
    // It leads no more, so nothing that it proposed before protects an acknowledgement.
    this.isrState.giveUp();
    proposeIsr(this, this.ports, {
      kind: 'storage-failed',
      isr: [],
      answered: ({ errorCode }) => errorCode === ErrorCode.NONE,
    });
  }

  /** After whatever may have failed for good. A full disk alone does not: it refuses appends and recovers. */
  noticeOffline(): void {
    if (this.log.offline !== undefined) this.diskFailed(this.log.offline);
  }

  /**
   * The replica is given up: the topic was deleted, or the broker stops. The log is the owner's to close or
   * delete.
   */
  close(errorCode: ErrorCode): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.role = 'none';
    this.isrState.giveUp();
    this.sync.stop();
    this.flushDeadline.stop();
    this.onSynced = undefined;
    this.endLeadership(errorCode);
  }

  facts(): Record<string, unknown> {
    return { topic: this.topic, partition: this.index, leaderEpoch: this.leaderEpoch };
  }
}
