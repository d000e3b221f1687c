/**
 * Acknowledgements that wait: a produce request answers when its slowest partition is settled or its time is
 * up. Owns no state of a partition; must never answer twice.
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

/** One produce request on its way to its answer. */
export class ProduceOperation {
  readonly results: ProduceResult[] = [];
  /** Partitions parked and not settled. */
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

  /** All partitions were tried: from here on the last one to settle answers. */
  start(finish: (results: ProduceResult[]) => void): void {
    this.finish = finish;
    if (this.waiting === 0) this.answer();
  }

  /** The time-out of the request: what was appended stays and may commit later. */
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

  /** Without a failure: the result that was prepared at the append holds. */
  settle(failure?: ProduceResult): void {
    if (this.settled) return;
    this.settled = true;
    this.operation.settled(this.index, failure);
  }
}

/**
 * A partition's parked acknowledgements by the offset that releases them. Timed-out ones are dropped in bulk.
 */
export class ParkedAcks {
  private readonly queue = new ParkedUntilOffset<ParkedAck>();
  /** Grows when settled ones (time-outs) may fill the queue; doubles so that cleaning costs O(1) each. */
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
