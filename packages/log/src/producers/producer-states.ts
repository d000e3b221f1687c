/**
 * The state of each idempotent producer in one log (KIP-98): its epoch and its last five batches. Decides
 * whether a client's batch may be appended, and takes note of every appended batch. Never touches the disk;
 * never judges replicated batches.
 */
import type { Millis, Offset, WallMillis } from '@millrace/base';
import { type BatchHeader, ErrorCode, type Timestamp } from '@millrace/protocol';
import { PRODUCER_BATCHES_KEPT } from '../limits.ts';
import type { AppendFailure } from '../types.ts';
import type { ProducerSnapshotEntry } from './producer-snapshot.ts';

/** Sequence numbers run 0 .. 2^31-1 and start again at 0. */
const SEQUENCES = 0x8000_0000;

export interface ProducerBatch {
  baseSequence: number;
  lastSequence: number;
  lastOffset: Offset;
  offsetDelta: number;
  /** The largest timestamp in the header of the stored batch. */
  timestamp: Timestamp;
}

export interface ProducerState {
  readonly producerId: number;
  /** Base offset of the first batch that this state saw; -1: the state comes from a snapshot. */
  readonly firstOffset: Offset;
  epoch: number;
  /** The coordinator epoch in the snapshot; -1: this state is not from one. Markers do not change it yet. */
  coordinatorEpoch: number;
  /** First offset of the open transaction, or -1. */
  openTransactionOffset: Offset;
  /** Timestamp of the last batch or marker. */
  lastTimestamp: Timestamp;
  /** Time of the last write, or of loading the snapshot: expiry counts from here. */
  lastWriteMs: WallMillis;
  /** The last batches of this epoch, at most five, oldest first. */
  readonly batches: ProducerBatch[];
}

/**
 * `undefined`: append the batch. A ProducerBatch: the batch is a duplicate of this one. An AppendFailure:
 * refuse the batch.
 */
export type SequenceCheck = ProducerBatch | AppendFailure | undefined;

export function sequenceAfter(sequence: number, delta: number): number {
  return (sequence + delta) % SEQUENCES;
}

const NO_EPOCH = -1;

export class ProducerStates {
  private readonly byId = new Map<number, ProducerState>();

  get size(): number {
    return this.byId.size;
  }

  /** True if every producer has as many batches as a state can keep. */
  get complete(): boolean {
    for (const { batches } of this.byId.values()) if (batches.length < PRODUCER_BATCHES_KEPT) return false;
    return true;
  }

  get(producerId: number): ProducerState | undefined {
    return this.byId.get(producerId);
  }

  /** All states, ordered by producer id. */
  all(): ProducerState[] {
    return [...this.byId.values()].sort((a, b) => a.producerId - b.producerId);
  }

  /** Judges a client's batch that carries a producer id. */
  check(header: BatchHeader, nowWallMs: WallMillis, expirationMs: Millis): SequenceCheck {
    let state = this.byId.get(header.producerId);
    if (state !== undefined && isExpired(state, nowWallMs, expirationMs)) {
      this.byId.delete(header.producerId);
      state = undefined;
    }
    if (header.producerEpoch < (state?.epoch ?? NO_EPOCH))
      return appendFailure(
        ErrorCode.INVALID_PRODUCER_EPOCH,
        'the producer has been superseded by a newer epoch',
      );
    // A new producer, or one whose state expired: accept any sequence (KIP-360).
    if (state === undefined) return undefined;
    if (header.producerEpoch === state.epoch) {
      const known = findBatch(state, header);
      if (known !== undefined) return known;
    }
    const last = state.batches[state.batches.length - 1];
    const sameEpoch = header.producerEpoch === state.epoch;
    const expected = sameEpoch && last !== undefined ? sequenceAfter(last.lastSequence, 1) : 0;
    // After a batch without a producer epoch, Kafka accepts any sequence.
    if (state.epoch !== NO_EPOCH && header.baseSequence !== expected)
      return appendFailure(
        ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
        `producer ${header.producerId} sent sequence ${header.baseSequence} where ${expected} is next`,
      );
    if (state.openTransactionOffset >= 0 && !header.isTransactional)
      return appendFailure(
        ErrorCode.INVALID_TXN_STATE,
        'the producer has an open transaction in this partition',
      );
    return undefined;
  }

  /**
   * Updates the producer's state with a batch that is now in the log. The batch must have its final base
   * offset.
   */
  update(header: BatchHeader, nowWallMs: WallMillis): void {
    if (header.producerId < 0) return;
    const state = this.byId.get(header.producerId) ?? this.create(header, nowWallMs);
    // Accept a replicated batch with a lower epoch, because the leader has judged it.
    if (state.epoch !== header.producerEpoch) {
      state.epoch = header.producerEpoch;
      state.batches.length = 0;
    }
    state.lastWriteMs = nowWallMs;
    state.lastTimestamp = header.maxTimestamp;
    if (header.isControl) {
      state.openTransactionOffset = -1;
      return;
    }
    if (header.isTransactional && state.openTransactionOffset < 0)
      state.openTransactionOffset = header.baseOffset;
    if (header.baseSequence < 0) return;
    remember(state, header);
  }

  /**
   * Adds a batch that precedes the snapshot to its producer's batches, because a snapshot holds only the last
   * one. Without the earlier batches, a client that retries one of them after a restart gets
   * OUT_OF_ORDER_SEQUENCE_NUMBER. Call this after `load`, in log order.
   */
  recall(header: BatchHeader): void {
    const state = this.byId.get(header.producerId);
    const last = state?.batches[state.batches.length - 1];
    if (state === undefined || last === undefined || header.lastOffset >= last.lastOffset) return;
    if (header.producerEpoch !== state.epoch || header.isControl || header.baseSequence < 0) return;
    state.batches.pop();
    remember(state, header);
    if (state.batches.length === PRODUCER_BATCHES_KEPT) state.batches.shift();
    state.batches.push(last);
  }

  /** Forgets producers that wrote nothing for `expirationMs` and have no open transaction. */
  expire(nowWallMs: WallMillis, expirationMs: Millis): void {
    for (const state of this.byId.values())
      if (isExpired(state, nowWallMs, expirationMs)) this.byId.delete(state.producerId);
  }

  /**
   * Truncates the states: the log now ends at `endOffset`. True: every producer has its state as of that
   * offset, perhaps with fewer batches than before. False: a state may be lost, so the caller must collect
   * all states from the log again.
   */
  truncate(endOffset: Offset): boolean {
    let complete = true;
    for (const state of this.byId.values()) {
      const { batches } = state;
      if (state.firstOffset >= endOffset) {
        this.byId.delete(state.producerId);
        continue;
      }
      if (state.openTransactionOffset >= 0 || state.coordinatorEpoch >= 0 || batches.length === 0)
        complete = false;
      if (batches.length === 0 || batches[batches.length - 1]!.lastOffset < endOffset) continue;
      while (batches.length > 0 && batches[batches.length - 1]!.lastOffset >= endOffset) batches.pop();
      if (batches.length === 0) complete = false;
      else state.lastTimestamp = batches[batches.length - 1]!.timestamp;
    }
    return complete;
  }

  clear(): void {
    this.byId.clear();
  }

  /** Replaces all states by those of a snapshot. */
  load(entries: readonly ProducerSnapshotEntry[], nowWallMs: WallMillis): void {
    this.byId.clear();
    for (const entry of entries) {
      const batches: ProducerBatch[] = [];
      if (entry.lastSequence >= 0)
        batches.push({
          baseSequence: sequenceAfter(entry.lastSequence, SEQUENCES - entry.offsetDelta),
          lastSequence: entry.lastSequence,
          lastOffset: entry.lastOffset,
          offsetDelta: entry.offsetDelta,
          timestamp: entry.timestamp,
        });
      this.byId.set(entry.producerId, {
        producerId: entry.producerId,
        firstOffset: -1,
        epoch: entry.epoch,
        coordinatorEpoch: entry.coordinatorEpoch,
        openTransactionOffset: entry.openTransactionOffset,
        lastTimestamp: entry.timestamp,
        lastWriteMs: nowWallMs,
        batches,
      });
    }
  }

  private create(header: BatchHeader, nowWallMs: WallMillis): ProducerState {
    const state: ProducerState = {
      producerId: header.producerId,
      firstOffset: header.baseOffset,
      epoch: header.producerEpoch,
      coordinatorEpoch: -1,
      openTransactionOffset: -1,
      lastTimestamp: header.maxTimestamp,
      lastWriteMs: nowWallMs,
      batches: [],
    };
    this.byId.set(header.producerId, state);
    return state;
  }
}

function isExpired(state: ProducerState, nowWallMs: WallMillis, expirationMs: Millis): boolean {
  return state.openTransactionOffset < 0 && nowWallMs - state.lastWriteMs >= expirationMs;
}

function findBatch(state: ProducerState, header: BatchHeader): ProducerBatch | undefined {
  const lastSequence = sequenceAfter(header.baseSequence, header.lastOffsetDelta);
  for (const batch of state.batches)
    if (batch.baseSequence === header.baseSequence && batch.lastSequence === lastSequence) return batch;
  return undefined;
}

function remember(state: ProducerState, header: BatchHeader): void {
  const { batches } = state;
  // Reuse the object of the batch that is dropped, so that the hot path makes no garbage.
  const batch: ProducerBatch =
    batches.length < PRODUCER_BATCHES_KEPT
      ? { baseSequence: 0, lastSequence: 0, lastOffset: 0, offsetDelta: 0, timestamp: 0 }
      : batches.shift()!;
  batch.baseSequence = header.baseSequence;
  batch.lastSequence = sequenceAfter(header.baseSequence, header.lastOffsetDelta);
  batch.lastOffset = header.lastOffset;
  batch.offsetDelta = header.lastOffsetDelta;
  batch.timestamp = header.maxTimestamp;
  batches.push(batch);
}

function appendFailure(errorCode: AppendFailure['errorCode'], message: string): AppendFailure {
  return { ok: false, errorCode, message };
}
