/**
 * Acknowledgements. A batch gets at most one outcome, either at once or later. A later outcome comes when the
 * high watermark, a sync or a lease releases the batch, when the leadership ends, or when the request times
 * out. A batch gets no outcome if the client is gone before the append. The broker answers a produce request
 * when all partitions of the request have an outcome, or when the request times out. min-isr.ts enforces
 * min.insync.replicas.
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

/** The outcome of one batch. Calls `settled` once, with the first result; ignores later ones. */
export class Acknowledgement {
  isSettled = false;
  private readonly settled: (result: ProduceResult) => void;

  constructor(settled: (result: ProduceResult) => void) {
    this.settled = settled;
  }

  settle(result: ProduceResult): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.settled(result);
  }
}

/** One produce request, until it is answered. Must never answer twice. */
export class ProduceOperation {
  private readonly results: ProduceResult[] = [];
  private readonly open = new Set<Acknowledgement>();
  private finish: ((results: ProduceResult[]) => void) | undefined;

  /** The acknowledgement of the request's partition at `slot`. */
  acknowledgement(slot: number): Acknowledgement {
    const acknowledgement = new Acknowledgement((result) => {
      this.results[slot] = result;
      this.open.delete(acknowledgement);
      if (this.open.size === 0 && this.finish !== undefined) this.answer();
    });
    this.open.add(acknowledgement);
    return acknowledgement;
  }

  get isWaiting(): boolean {
    return this.open.size > 0;
  }

  /**
   * Called after all partitions were tried. From then on, the last partition to settle answers the request.
   */
  start(finish: (results: ProduceResult[]) => void): void {
    this.finish = finish;
    if (this.open.size === 0) this.answer();
  }

  /** Called at the request's timeout. Appended batches stay in the log and may be committed later. */
  expire(): void {
    for (const acknowledgement of [...this.open])
      acknowledgement.settle(produceFailure(ErrorCode.REQUEST_TIMED_OUT));
  }

  private answer(): void {
    const { finish } = this;
    assert(finish !== undefined, 'a request is answered once');
    this.finish = undefined;
    finish(this.results);
  }
}

/** An appended batch that waits for its acknowledgement. */
export interface ParkedAck {
  readonly acknowledgement: Acknowledgement;
  /** The result of the append, which the client gets when the batch is released. */
  readonly appended: ProduceResult;
}

/** A partition's parked acknowledgements, by the offset that releases them. Drops timed-out ones in bulk. */
export class ParkedAcks {
  private readonly queue = new ParkedUntilOffset<ParkedAck>();
  /**
   * The size at which `park` removes settled (timed-out) entries. After each removal this size is twice the
   * number of remaining entries, and at least 1024, so that cleaning costs O(1) for each entry.
   */
  private cleanAtSize = 1024;

  get size(): number {
    return this.queue.size;
  }

  park(offset: Offset, ack: ParkedAck): void {
    if (this.queue.size >= this.cleanAtSize) {
      this.queue.removeWhere(({ acknowledgement }) => acknowledgement.isSettled);
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
