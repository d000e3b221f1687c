/**
 * Waiting acknowledgements. A produce request is answered when all its partitions are settled, or at its
 * timeout. Owns no state of a partition. Must never answer twice.
 */
import { assert, type Offset, ParkedUntilOffset } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { CurrentLeader, ProduceResult } from '../types.ts';

export function produceFailure(
  errorCode: ErrorCode,
  more: { message?: string; currentLeader?: CurrentLeader; logStartOffset?: Offset } = {},
): ProduceResult {
  const result: ProduceResult = {
    errorCode,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: more.logStartOffset ?? -1,
  };
  if (more.message !== undefined) result.message = more.message;
  if (more.currentLeader !== undefined) result.currentLeader = more.currentLeader;
  return result;
}

/** One produce request, until it is answered. */
export class ProduceOperation {
  readonly results: ProduceResult[] = [];
  /** How many partitions are parked and not settled. */
  private waiting = 0;
  private readonly acks: ParkedAck[] = [];
  private finish: ((results: ProduceResult[]) => void) | undefined;

  /** Called while the request is being appended, before `start`. */
  park(index: number): ParkedAck {
    const ack = new ParkedAck(this, index);
    this.waiting++;
    this.acks.push(ack);
    return ack;
  }

  get isWaiting(): boolean {
    return this.waiting > 0;
  }

  /** All partitions were tried. From now on the last partition to settle answers the request. */
  start(finish: (results: ProduceResult[]) => void): void {
    this.finish = finish;
    if (this.waiting === 0) this.answer();
  }

  /** The request timed out. Appended batches stay and may be committed later. */
  expire(): void {
    for (const ack of this.acks) {
      if (!ack.settled) ack.settle(produceFailure(ErrorCode.REQUEST_TIMED_OUT));
    }
  }

  settled(index: number, failure: ProduceResult | undefined): void {
    if (failure !== undefined) this.results[index] = failure;
    this.waiting--;
    assert(this.waiting >= 0, 'a partition settles once');
    if (this.waiting === 0 && this.finish !== undefined) this.answer();
  }

  private answer(): void {
    const { finish } = this;
    assert(finish !== undefined, 'a request is answered once');
    this.finish = undefined;
    finish(this.results);
  }
}

/** One partition's part of a parked produce request. */
export class ParkedAck {
  readonly operation: ProduceOperation;
  readonly index: number;
  settled = false;

  constructor(operation: ProduceOperation, index: number) {
    this.operation = operation;
    this.index = index;
  }

  /** Without a failure, the result from the append stands. */
  settle(failure?: ProduceResult): void {
    if (this.settled) return;
    this.settled = true;
    this.operation.settled(this.index, failure);
  }
}

/** A partition's parked acknowledgements, by the offset that releases them. Drops timed-out ones in bulk. */
export class ParkedAcks {
  private readonly queue = new ParkedUntilOffset<ParkedAck>();
  /**
   * The size at which `park` removes settled (timed-out) entries. It doubles, so that cleaning costs O(1) for
   * each entry.
   */
  private cleanAtSize = 1024;

  get size(): number {
    return this.queue.size;
  }

  park(offset: Offset, ack: ParkedAck): void {
    if (this.queue.size >= this.cleanAtSize) {
      this.queue.removeWhere((parked) => parked.settled);
      this.cleanAtSize = Math.max(1024, this.queue.size * 2);
    }
    this.queue.park(offset, ack);
  }

  release(reached: Offset): ParkedAck[] {
    return this.queue.release(reached);
  }

  drain(): ParkedAck[] {
    return this.queue.drain();
  }
}
