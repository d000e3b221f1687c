/**
 * What one log remembers of each idempotent producer. Stub until the next commit; the shape is final.
 */
import type { LeaderEpoch, Offset, WallMillis } from '@millrace/base';

export interface ProducerBatch {
  baseSequence: number;
  lastSequence: number;
  lastOffset: Offset;
  offsetDelta: number;
  timestamp: WallMillis;
}

export interface ProducerState {
  readonly producerId: number;
  epoch: number;
  coordinatorEpoch: LeaderEpoch;
  /** First offset of the open transaction, or -1. */
  openTransactionOffset: Offset;
  lastWriteMs: WallMillis;
  /** At most the last five, oldest first. */
  readonly batches: ProducerBatch[];
}

export class ProducerStates {
  private readonly byId = new Map<number, ProducerState>();

  get size(): number {
    return this.byId.size;
  }

  get(producerId: number): ProducerState | undefined {
    return this.byId.get(producerId);
  }

  /** All of them, ordered by id. */
  all(): ProducerState[] {
    return [...this.byId.values()].sort((a, b) => a.producerId - b.producerId);
  }
}
