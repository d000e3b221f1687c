/**
 * The deletions of records that clients have asked for and that a leader may still carry out. A leader may
 * delete the records from the moment at which the client asks. It may do so until copies of the request can
 * no longer arrive: until a peace that begins after the end of the operation has lasted `WAITING_US` after
 * this end. If the leader refused the only attempt, no leader may delete the records after this answer.
 */
import type { AskedDeletion, DeleteRecordsOp, History } from '@millrace/checkers';
import { type Micros, SECOND } from '../world/index.ts';

/**
 * In peace a request waits at a broker for less than this time, because the request's timeout is at most
 * DELETE_RECORDS_MS (8 s).
 */
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
