/**
 * Hosts one machine for one partition: loads the partition's records, appends the machine's decisions, and
 * tells the machine when they are committed. A shard loads only once. After the shard has ended, its owner
 * may make another shard.
 */
import {
  assert,
  type Deadline,
  type DueCallback,
  type Millis,
  type Timers,
  type WallMillis,
} from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import { type CompressionCodecs, ErrorCode } from '@millrace/protocol';
import { clientError, isCommitted } from './client-errors.ts';
import { CommitWaiters } from './commit-waiters.ts';
import type { AppendMetrics } from './coordinator-metrics.ts';
import { batchBytes, type DecisionBatch } from './decision-batch.ts';
import { type Led, Load, type LoadOutcome } from './load.ts';
import type { CoordinatorRecord, ShardMachine, ShardPort, WriteNumber } from './machine.ts';
import type { OwnTurns } from './own-turns.ts';
import type { LedPartitions } from './ports.ts';
import { WritePipeline } from './write-pipeline.ts';

export interface ShardLimits {
  /** `offsets.commit.timeout.ms`: how long a callback of `whenCommitted` waits. */
  readonly commitTimeoutMs: Millis;
  /** The shard accepts no decision while more bytes than this are not committed. */
  readonly waitingBytesMax: number;
}

/** What all shards of a runtime share. */
export interface ShardServices<M extends ShardMachine> {
  readonly partitions: LedPartitions;
  readonly timers: Timers;
  readonly ownTurns: OwnTurns;
  readonly codecs: CompressionCodecs;
  readonly limits: ShardLimits;
  readonly metrics: AppendMetrics;
  wallMs(): WallMillis;
  image(): MetadataImage;
  makeMachine(port: ShardPort, partition: number): M;
}

export interface ShardOwner {
  /**
   * Called when the load has ended. After the outcome `loaded` the shard is active. After any other outcome
   * the shard has ended.
   */
  loadEnded(outcome: LoadOutcome): void;
  /** A batch of decisions is committed. */
  committed(): void;
  /** Called when the log has refused decisions that the machine has already replayed. The shard has ended. */
  refused(errorCode: ErrorCode, decisions: number): void;
}

export class Shard<M extends ShardMachine> implements ShardPort {
  readonly machine: M;
  private readonly led: Led;
  private readonly services: ShardServices<M>;
  private readonly owner: ShardOwner;
  private state: 'loading' | 'active' | 'ended' = 'loading';
  private readonly load: Load;
  private readonly pipeline: WritePipeline;
  private readonly waiters: CommitWaiters;
  private readonly deadlines = new Set<Deadline<DueCallback>>();
  private readonly cancelSlices = new Set<() => void>();
  private isReplaying = false;
  private isAwaitingLease = false;

  constructor(led: Led, services: ShardServices<M>, owner: ShardOwner) {
    this.led = led;
    this.services = services;
    this.owner = owner;
    const { timers, partitions, codecs, limits, metrics } = services;
    this.waiters = new CommitWaiters(timers, limits.commitTimeoutMs);
    this.pipeline = new WritePipeline({
      now: () => timers.now(),
      wallMs: () => services.wallMs(),
      soon: (callback) => timers.soon(callback),
      after: (delayMs, callback) => this.after(delayMs, callback),
      append: (records, settled) =>
        partitions.append({ ...led, records }, ({ errorCode }) => settled(errorCode)).errorCode,
      appended: ({ records }) => metrics.appended(records.length),
      committed: (batch) => this.committed(batch),
      failed: (errorCode, firstWrite, isRefused) => this.failed(errorCode, firstWrite, isRefused),
    });
    this.load = new Load({
      led,
      partitions,
      codecs,
      replay: (record) => this.replay(record),
      done: (outcome) => this.loadEnded(outcome),
    });
    this.machine = services.makeMachine(this, led.index);
  }

  /**
   * Begins the load. If the leadership has already ended, `owner.loadEnded` may be called within this call.
   */
  start(): void {
    this.load.start();
  }

  get isActive(): boolean {
    return this.state === 'active';
  }

  /** The number of callbacks that wait for a commit. */
  get waiting(): number {
    return this.waiters.size;
  }

  /**
   * Ends the shard. First each waiting callback gets the error of its decision (`errorOf`). Then
   * `machine.ended` gets `errorCode`.
   */
  end(errorCode: ErrorCode, errorOf: (write: WriteNumber) => ErrorCode = () => errorCode): void {
    if (this.state === 'ended') return;
    const wasActive = this.state === 'active';
    this.state = 'ended';
    this.load.stop();
    this.pipeline.stop();
    for (const deadline of this.deadlines) this.services.timers.cancel(deadline);
    this.deadlines.clear();
    for (const cancel of this.cancelSlices) cancel();
    this.cancelSlices.clear();
    this.waiters.end(errorOf);
    if (wasActive) this.machine.ended(errorCode);
  }

  // ------------------------------------------------------------------ the machine's port

  now(): Millis {
    return this.services.timers.now();
  }

  wallMs(): WallMillis {
    return this.services.wallMs();
  }

  image(): MetadataImage {
    return this.services.image();
  }

  get lastWrite(): WriteNumber {
    return this.pipeline.lastWrite;
  }

  write(records: readonly CoordinatorRecord[]): ErrorCode {
    if (this.state === 'ended') return ErrorCode.NOT_COORDINATOR;
    assert(this.state === 'active', 'a machine writes after it is loaded');
    assert(!this.isReplaying, 'a machine does not write within replay');
    if (records.length === 0) return ErrorCode.NONE;
    const { topicId, index, leaderEpoch } = this.led;
    const { partitions, limits } = this.services;
    const bounds = partitions.bounds(topicId, index, leaderEpoch);
    if (bounds === undefined) return ErrorCode.NOT_COORDINATOR;
    if (batchBytes(records) > bounds.batchBytesMax) return ErrorCode.UNKNOWN_SERVER_ERROR;
    const refusal = partitions.mayAppend(topicId, index, leaderEpoch);
    if (refusal !== ErrorCode.NONE) return clientError(refusal);
    if (this.pipeline.uncommittedBytes > limits.waitingBytesMax) return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    this.pipeline.add(records, bounds.batchBytesMax);
    for (const record of records) this.replay(record);
    return ErrorCode.NONE;
  }

  whenCommitted(write: WriteNumber, done: (errorCode: ErrorCode) => void): void {
    assert(write <= this.lastWrite, 'a machine waits for a decision that it made');
    if (this.state === 'ended') {
      done(ErrorCode.NOT_COORDINATOR);
      return;
    }
    const isCommittedNow = write <= this.pipeline.committedWrite;
    // Durability contract, row 3 (acks=all): the pipeline raises `committedWrite` only for committed batches.
    // While this broker holds its lease, no other coordinator can have made decisions since (docs/groups.md
    // names one exception).
    if (isCommittedNow && this.services.partitions.holdsLease()) {
      done(ErrorCode.NONE);
      return;
    }
    this.waiters.wait(write, done);
    if (isCommittedNow) this.awaitLease();
  }

  after(delayMs: Millis, callback: () => void): () => void {
    if (this.state === 'ended') return () => {};
    const { timers } = this.services;
    const deadline = timers.after(delayMs, () => {
      this.deadlines.delete(deadline);
      callback();
    });
    this.deadlines.add(deadline);
    return () => {
      this.deadlines.delete(deadline);
      timers.cancel(deadline);
    };
  }

  inOwnTurn(delayMs: Millis, slice: () => void): () => void {
    if (this.state === 'ended') return () => {};
    let hasRun = false;
    let cancel: (() => void) | undefined;
    cancel = this.services.ownTurns.after(delayMs, () => {
      hasRun = true;
      if (cancel !== undefined) this.cancelSlices.delete(cancel);
      slice();
    });
    const cancelSlice = cancel;
    if (!hasRun) this.cancelSlices.add(cancelSlice);
    return () => {
      this.cancelSlices.delete(cancelSlice);
      cancelSlice();
    };
  }

  // ------------------------------------------------------------------ load, commits, failures

  private replay(record: CoordinatorRecord): void {
    this.isReplaying = true;
    this.machine.replay(record);
    this.isReplaying = false;
  }

  private loadEnded(outcome: LoadOutcome): void {
    if (outcome.kind === 'loaded') {
      this.state = 'active';
      this.owner.loadEnded(outcome);
      this.machine.loaded();
    } else {
      this.end(ErrorCode.NOT_COORDINATOR);
      this.owner.loadEnded(outcome);
    }
  }

  private committed({ appendedMs, lastWrite }: DecisionBatch): void {
    const { metrics, timers } = this.services;
    metrics.committed(timers.now() - appendedMs);
    this.owner.committed();
    this.release(lastWrite);
  }

  /**
   * Calls the waiting callbacks of decisions up to `write`, or waits for a lease first. The broker held its
   * lease when the partition reported the commit, but the lease may have ended since.
   */
  private release(write: WriteNumber): void {
    if (this.services.partitions.holdsLease()) this.waiters.committed(write);
    else this.awaitLease();
  }

  /** Releases the waiting callbacks of committed decisions when this broker has a lease again. */
  private awaitLease(): void {
    if (this.isAwaitingLease) return;
    this.isAwaitingLease = true;
    const { topicId, index, leaderEpoch } = this.led;
    this.services.partitions.whenCommitted(topicId, index, leaderEpoch, 0, (errorCode) => {
      this.isAwaitingLease = false;
      // After any other error the leadership has ended, and the runtime ends this shard.
      if (this.state === 'active' && isCommitted(errorCode)) this.release(this.pipeline.committedWrite);
    });
  }

  private failed(errorCode: ErrorCode, firstWrite: WriteNumber, isRefused: boolean): void {
    const decisions = this.lastWrite - firstWrite + 1;
    // The refused decisions are not in the log. Earlier decisions are in the log, and may still be committed.
    const errorOf = (write: WriteNumber) =>
      isRefused && write >= firstWrite ? clientError(errorCode) : ErrorCode.NOT_COORDINATOR;
    this.end(ErrorCode.NOT_COORDINATOR, errorOf);
    if (isRefused && errorCode !== ErrorCode.NOT_LEADER_OR_FOLLOWER) this.owner.refused(errorCode, decisions);
  }
}
