/**
 * The state of a partition's leader in one leader epoch: its view of the followers, and the waiting
 * acknowledgements. The partition drops this state when the leadership ends. The leader never acknowledges
 * more than the durability contract (docs/architecture.md) covers. It never moves the high watermark past the
 * log end of a member of the maximal ISR.
 */
import { assert, type LeaderEpoch, type NodeId, type Offset } from '@millrace/base';
import type { Admission, AppendFailure } from '@millrace/log';
import { ErrorCode } from '@millrace/protocol';
import type { ProduceResult } from '../types.ts';
import { type Acknowledgement, type ParkedAck, ParkedAcks, produceFailure } from './acks.ts';
import { laggingReplicas, nextHighWatermark, RemoteReplica } from './high-watermark.ts';
import { proposeIsr } from './isr-proposal.ts';
import { mayCommit, refusalBeforeAppend, resultAfterReplication } from './min-isr.ts';
import type { Partition } from './partition.ts';
import type { FollowerFetchState, IsrAnswer, IsrProposal, PartitionPorts } from './ports.ts';
import { RecordDeletions } from './record-deletions.ts';

/** How long the leader proposes no ISR change after the controller rejected one. */
const REJECTED_PROPOSAL_PAUSE_MS = 1000;

const UNREPLICATED_ENTRIES_MAX = 4096;

export interface LeaderRequest {
  readonly acks: number;
  readonly apiVersion?: number;
  /** True if a coordinator of this broker appends, not a client. */
  readonly isOfCoordinator?: boolean;
}

export class Leadership {
  readonly partition: Partition;
  /**
   * The log's end when the leadership began. Records below it may be uncommitted records of a predecessor.
   */
  readonly startOffset: Offset;
  /** The leader epoch of this leadership. */
  readonly epoch: LeaderEpoch;
  readonly remotes = new Map<NodeId, RemoteReplica>();
  readonly deletions: RecordDeletions;
  private readonly ports: PartitionPorts;
  /**
   * Parked acknowledgements that wait for the ISR, by the high watermark that releases them: those with
   * acks=all, and during a controlled shutdown also those with acks=1.
   */
  private readonly replicated = new ParkedAcks();
  /**
   * Other parked acknowledgements with acks=1, by the `ownEnd` that releases them. They wait for fsync or for
   * a lease.
   */
  private readonly local = new ParkedAcks();
  /**
   * Batches above the high watermark, oldest first. Consumers can read a batch once the high watermark has
   * passed it.
   */
  private unreplicated: { end: Offset; sizeBytes: number }[] = [];
  private noProposalBefore = Number.NEGATIVE_INFINITY;

  constructor(partition: Partition, ports: PartitionPorts) {
    this.partition = partition;
    this.ports = ports;
    this.startOffset = partition.log.endOffset;
    this.epoch = partition.leaderEpoch;
    this.deletions = new RecordDeletions(this, ports);
    const now = ports.now();
    for (const brokerId of partition.replicas) {
      if (brokerId === ports.brokerId) continue;
      const lastCaughtUpMs = partition.isr.includes(brokerId) ? now : Number.NEGATIVE_INFINITY;
      this.remotes.set(brokerId, new RemoteReplica(brokerId, lastCaughtUpMs));
    }
  }

  /** Number of parked acknowledgements. */
  get parkedAcks(): number {
    return this.replicated.size + this.local.size;
  }

  // ------------------------------------------------------------------ produce

  /** Like `Partition.produce`. The caller settles the acknowledgement if this returns an error. */
  produce(
    records: Uint8Array | null,
    request: LeaderRequest,
    acknowledgement: Acknowledgement,
    known: Admission | undefined,
  ): ProduceResult | undefined {
    const { partition } = this;
    const refusal = refusalBeforeAppend(partition, request.acks);
    if (refusal !== undefined) return refusal;
    if (records === null) return produceFailure(ErrorCode.INVALID_RECORD, { message: 'no record batch' });
    const { log, leaderEpoch } = partition;
    const nowWallMs = this.ports.wallMs();
    const { apiVersion } = request;
    const { room } = this.ports;
    const shortage = request.isOfCoordinator === true ? room.coordinatorShortage : room.shortage;
    // A retry of an appended batch needs no space, so a shortage does not refuse it.
    const admitted =
      shortage === undefined
        ? (known ?? log.admit(records, nowWallMs, apiVersion, this.ports.turnBudget))
        : undefined;
    const judged = admitted ?? log.appendedBefore(records, nowWallMs, apiVersion);
    if (judged === undefined)
      return shortage === undefined
        ? undefined
        : produceFailure(ErrorCode.KAFKA_STORAGE_ERROR, { message: shortage });
    const appended = 'bytes' in judged ? log.append(judged, { leaderEpoch, nowWallMs }) : judged;
    if (!appended.ok) return this.appendFailed(appended);
    if ('bytes' in judged && !appended.duplicate) this.appended(judged.sizeBytes);
    const result: ProduceResult = {
      errorCode: ErrorCode.NONE,
      baseOffset: appended.baseOffset,
      logAppendTimeMs: appended.logAppendTimeMs,
      logStartOffset: appended.startOffset,
    };
    // For a retry of an idempotent producer, this is the end of the original batch. So the leader
    // acknowledges the retry only when it may acknowledge the original batch.
    const end = appended.lastOffset + 1;
    const waitsForIsr = request.acks === -1 || (request.acks === 1 && this.ports.isInControlledShutdown());
    if (waitsForIsr) this.acknowledgeReplicated(end, { acknowledgement, appended: result });
    else if (request.acks === 1) this.acknowledgeLocal(end, { acknowledgement, appended: result });
    // acks=0 promises nothing (durability contract, row 1).
    else acknowledgement.settle(result);
    return result;
  }

  private appendFailed(failure: AppendFailure): ProduceResult {
    const { partition } = this;
    partition.noticeOffline();
    if (failure.damage !== undefined) partition.corruption.found(failure.damage);
    else if (failure.errorCode === ErrorCode.KAFKA_STORAGE_ERROR) this.ports.room.appendFailed();
    const result = produceFailure(failure.errorCode, {
      message: failure.message,
      logStartOffset: partition.log.startOffset,
    });
    if (failure.recordErrors !== undefined) result.recordErrors = failure.recordErrors;
    return result;
  }

  private appended(sizeBytes: number): void {
    const { partition } = this;
    this.ports.counters.appended('leader', sizeBytes);
    this.ports.room.used(sizeBytes);
    this.noteUnreplicated(partition.log.endOffset, sizeBytes);
    partition.flushIfDue();
    for (const waiter of partition.waiters) if (waiter.isFollower) waiter.notify(sizeBytes);
    this.advanceHighWatermark();
  }

  /**
   * Adds a batch to `unreplicated`. The list is bounded: when the followers are far behind, its last entry
   * covers many batches.
   */
  private noteUnreplicated(end: Offset, sizeBytes: number): void {
    const last = this.unreplicated.at(-1);
    if (last === undefined || this.unreplicated.length < UNREPLICATED_ENTRIES_MAX)
      this.unreplicated.push({ end, sizeBytes });
    else {
      last.end = end;
      last.sizeBytes += sizeBytes;
    }
  }

  private acknowledgeReplicated(end: Offset, ack: ParkedAck): void {
    const isReplicated = this.partition.highWatermark >= end;
    // Durability contract, row 3 (acks=all): the high watermark has passed the batch, so every member of the
    // maximal ISR has written it (row 4, with flush.messages=1: synced it). `produce` checked min ISR before
    // the append; `whenCommitted` has no batch of its own, and needs only the high watermark.
    if (isReplicated && this.ports.holdsLease()) {
      ack.acknowledgement.settle(ack.appended);
      return;
    }
    this.replicated.park(end, ack);
    if (isReplicated) this.ports.awaitLease(this);
  }

  /** Settles the acknowledgement once everything below `offset` is committed and the broker has a lease. */
  whenCommitted(offset: Offset, acknowledgement: Acknowledgement): void {
    const appended = { ...produceFailure(ErrorCode.NONE), logStartOffset: this.partition.log.startOffset };
    this.acknowledgeReplicated(offset, { acknowledgement, appended });
  }

  private acknowledgeLocal(end: Offset, ack: ParkedAck): void {
    const isWritten = this.partition.ownEnd >= end;
    // Durability contract, row 2 (acks=1): the leader has written the batch, and its lease still holds. Row 4
    // (flush.messages=1): `ownEnd` counts only synced batches.
    if (isWritten && this.ports.holdsLease()) {
      ack.acknowledgement.settle(ack.appended);
      return;
    }
    this.local.park(end, ack);
    if (isWritten) this.ports.awaitLease(this);
  }

  private releaseReplicated(): void {
    if (this.replicated.size === 0) return;
    if (!this.ports.holdsLease()) {
      this.ports.awaitLease(this);
      return;
    }
    const { partition } = this;
    for (const { acknowledgement, appended } of this.replicated.release(partition.highWatermark)) {
      // Durability contract, row 3 (acks=all): the high watermark has passed the batch, so every member of
      // the maximal ISR has written it (row 4: synced it). `resultAfterReplication` checks min ISR.
      acknowledgement.settle(resultAfterReplication(partition, appended));
    }
  }

  private releaseLocal(): void {
    if (this.local.size === 0) return;
    if (!this.ports.holdsLease()) {
      this.ports.awaitLease(this);
      return;
    }
    // Durability contract, row 2 (acks=1): `ownEnd` counts only written batches. Row 4 (flush.messages=1): it
    // counts only synced ones.
    for (const { acknowledgement, appended } of this.local.release(this.partition.ownEnd))
      acknowledgement.settle(appended);
  }

  /**
   * Called when the controller renewed the broker's lease. Settles the acknowledgements that waited for it.
   */
  leaseRenewed(): void {
    if (this.partition.leadership !== this) return;
    this.releaseLocal();
    this.releaseReplicated();
    this.deletions.check();
  }

  /** Called when `ownEnd` may have risen: the log was synced, or the settings changed. */
  ownEndMoved(): void {
    this.releaseLocal();
    this.advanceHighWatermark();
  }

  /** Called when the leadership ends. Fails every waiting acknowledgement. */
  end(errorCode: ErrorCode): void {
    this.unreplicated = [];
    const hint =
      errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER ? { currentLeader: this.partition.currentLeader } : {};
    for (const { acknowledgement } of [...this.replicated.drain(), ...this.local.drain()])
      acknowledgement.settle(produceFailure(errorCode, hint));
    this.deletions.end(errorCode);
  }

  // ------------------------------------------------------------------ high watermark

  /**
   * Moves the high watermark as far as the replicas allow. Called after appends, syncs, changes of ISR or
   * settings, and when a follower reports another log end. Also called every half lag time, because no event
   * says that a replica fell behind.
   */
  advanceHighWatermark(): void {
    const { partition } = this;
    if (!mayCommit(partition)) return;
    const next = nextHighWatermark({
      current: partition.highWatermark,
      ownEnd: partition.ownEnd,
      leaderEnd: partition.log.endOffset,
      maximalIsr: partition.isrState.maximal,
      remotes: this.remotes.values(),
      isEligible: (remote) => this.ports.mayJoinIsr(remote.brokerId, remote.brokerEpoch),
      now: this.ports.now(),
      lagTimeMaxMs: this.ports.replicaLagTimeMaxMs,
    });
    if (next === partition.highWatermark) return;
    assert(next > partition.highWatermark, 'the high watermark moves forward');
    assert(next <= partition.log.endOffset, 'the high watermark lies within the log');
    partition.highWatermark = next;
    this.notifyReadable(next);
    this.releaseReplicated();
  }

  /**
   * Notifies waiting consumers of the number of bytes that they can read now. Followers learn the high
   * watermark with their next fetch.
   */
  private notifyReadable(highWatermark: Offset): void {
    let sizeBytes = 0;
    let count = 0;
    for (const batch of this.unreplicated) {
      if (batch.end > highWatermark) break;
      sizeBytes += batch.sizeBytes;
      count++;
    }
    if (count === this.unreplicated.length) this.unreplicated = [];
    else this.unreplicated.splice(0, count);
    // The list lacks batches of earlier leaderships, and one entry may cover many batches. So the high
    // watermark may move without passing a whole entry. Then the size is unknown, and waiters read again.
    const readableBytes = count === 0 ? Number.POSITIVE_INFINITY : sizeBytes;
    for (const waiter of this.partition.waiters)
      if (waiter.isFollower) waiter.touch();
      else waiter.notify(readableBytes);
  }

  // ------------------------------------------------------------------ followers and ISR

  /**
   * Called when a follower fetched from `fetchOffset` in this epoch and did not diverge. So the follower
   * holds everything below that offset. The caller checked that the follower's broker epoch is the registered
   * one.
   */
  recordFollower(state: FollowerFetchState): void {
    const remote = this.remotes.get(state.brokerId);
    assert(remote !== undefined, 'the follower is a replica');
    const hasMoved = remote.logEndOffset !== state.fetchOffset;
    const isStartNew = remote.logStartOffset !== state.logStartOffset;
    remote.recordFetch({
      fetchOffset: state.fetchOffset,
      logStartOffset: state.logStartOffset,
      brokerEpoch: state.brokerEpoch,
      leaderEnd: this.partition.log.endOffset,
      now: this.ports.now(),
    });
    this.considerExpansion(remote);
    if (hasMoved) this.advanceHighWatermark();
    if (isStartNew) this.deletions.check();
  }

  private considerExpansion(remote: RemoteReplica): void {
    const { isrState, highWatermark } = this.partition;
    if (isrState.pending !== undefined || isrState.committed.includes(remote.brokerId)) return;
    if (remote.logEndOffset < Math.max(highWatermark, this.startOffset)) return;
    if (!this.ports.mayJoinIsr(remote.brokerId, remote.brokerEpoch)) return;
    this.proposeIsr('expand', [...isrState.committed, remote.brokerId]);
  }

  /**
   * Asks the controller to elect another member of the ISR, because this log is corrupt. Every member holds
   * the committed records. Does nothing while there is no other member, while another change is in flight, or
   * shortly after a rejection. `checkLag` tries again.
   */
  askToResign(): void {
    const { partition, ports } = this;
    const others = partition.isr.filter((brokerId) => brokerId !== ports.brokerId);
    if (others.length > 0 && partition.isrState.pending === undefined) this.proposeIsr('resign', others);
  }

  /**
   * Called every half lag time. First advances the high watermark, which no longer waits for a replica
   * outside the ISR that fell behind since the last call. Then proposes an ISR without the followers that
   * fell behind, or asks to resign if this log is corrupt.
   */
  checkLag(): void {
    const { partition } = this;
    this.advanceHighWatermark();
    if (partition.isrState.pending !== undefined) return;
    if (partition.corruption.reason !== undefined) {
      this.askToResign();
      return;
    }
    const lagging = laggingReplicas({
      isr: partition.isr,
      remotes: this.remotes,
      leaderEnd: partition.log.endOffset,
      now: this.ports.now(),
      lagTimeMaxMs: this.ports.replicaLagTimeMaxMs,
    });
    if (lagging.length === 0) return;
    const kept = partition.isr.filter((brokerId) => !lagging.includes(brokerId));
    this.proposeIsr('shrink', kept);
  }

  private proposeIsr(kind: IsrProposal['kind'], isr: readonly NodeId[]): void {
    if (this.ports.now() < this.noProposalBefore) return;
    proposeIsr(this.partition, this.ports, {
      kind,
      isr: isr.map((brokerId) => ({ brokerId, brokerEpoch: this.remotes.get(brokerId)?.brokerEpoch ?? -1 })),
      answered: (answer, proposal) => this.isrAnswered(proposal, answer),
    });
  }

  /**
   * Handles the answer to a proposal. An error ends the proposal only if it means that the controller changed
   * nothing. After any other error the controller may have made the change, or may still make it. So the
   * maximal ISR stays, and the broker repeats the proposal until an answer or the metadata settles it.
   */
  private isrAnswered(proposal: IsrProposal, answer: IsrAnswer): boolean {
    const { partition } = this;
    if (answer.errorCode === ErrorCode.NONE) {
      // Another replica leads now. The metadata with this change is on its way.
      if (proposal.kind === 'resign' && answer.leaderEpoch > partition.leaderEpoch) return true;
      if (answer.leaderEpoch !== partition.leaderEpoch) return false;
      // The controller chose the ELR by the min.insync.replicas that it had then. The metadata log brings
      // that value before it brings the smaller ISR. So this broker takes the smaller ISR only from the
      // metadata log, and then commits by the same value as the controller.
      if (proposal.kind === 'shrink' && answer.partitionEpoch > partition.partitionEpoch) return true;
      const previous = partition.isr;
      // Without a newer partition epoch, the controller changed nothing.
      if (!partition.isrState.commit(answer.isr, answer.partitionEpoch)) partition.isrState.revert();
      this.isrChanged(previous);
      return true;
    }
    const isRejected =
      answer.errorCode === ErrorCode.INELIGIBLE_REPLICA ||
      answer.errorCode === ErrorCode.OPERATION_NOT_ATTEMPTED;
    if (!isRejected) return false;
    partition.isrState.revert();
    this.noProposalBefore = this.ports.now() + REJECTED_PROPOSAL_PAUSE_MS;
    this.advanceHighWatermark();
    return true;
  }

  /**
   * Called when the controller committed an ISR within this leader epoch, or answered that it changed
   * nothing. Logs the change, and advances the high watermark as far as the new ISR allows.
   */
  isrChanged(previous: readonly NodeId[]): void {
    const { partition } = this;
    partition.touchWaiters();
    this.ports.counters.isrChanged(previous, partition.isr);
    const joined = partition.isr.find((id) => !previous.includes(id));
    const joinedAt = joined === undefined ? undefined : this.remotes.get(joined)?.logEndOffset;
    this.ports.logger.info('isr-changed', {
      ...partition.facts(),
      from: previous,
      to: partition.isr,
      startOffset: this.startOffset,
      ...(joinedAt === undefined ? {} : { joinedAt }),
    });
    this.advanceHighWatermark();
    if (partition.corruption.reason !== undefined) this.askToResign();
  }
}
