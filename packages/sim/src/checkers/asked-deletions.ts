/**
 * The deletions of records that a leader may do now. The right to delete begins when a client asks. It ends
 * when copies of the request can no longer arrive: in the first peace after the client has its answer. It
 * never was a right if the leader refused the only attempt.
 */
import type { AskedDeletion, DeleteRecordsOp, History } from '@millrace/checkers';
import { type Micros, SECOND } from '../world/index.ts';

/** In peace a request waits at a broker for less than this, because the time of a deletion is shorter. */
const WAITING_US: Micros = 10 * SECOND;

export class AskedDeletions {
  private readonly history: History;
  private readonly ended: DeleteRecordsOp[] = [];

  constructor(history: History) {
    this.history = history;
  }

  ends(op: DeleteRecordsOp): void {
    this.ended.push(op);
  }

  some(asks: (asked: AskedDeletion) => boolean): boolean {
    return this.history.askedDeletions.some((asked) => asks(asked) && this.mayArrive(asked));
  }

  private mayArrive(asked: AskedDeletion): boolean {
    const end = this.ended.find((op) => isOf(asked, op));
    if (end === undefined) return true;
    if (end.outcome === 'fail') return false;
    const { endedUs } = end;
    return !this.history.peaces.some(({ fromUs, toUs }) => fromUs >= endedUs && toUs >= endedUs + WAITING_US);
  }
}

export function isOf(asked: AskedDeletion, op: DeleteRecordsOp): boolean {
  return (
    asked.client === op.client &&
    asked.topic === op.topic &&
    asked.partition === op.partition &&
    asked.offset === op.offset &&
    asked.invokedUs === op.invokedUs
  );
}
