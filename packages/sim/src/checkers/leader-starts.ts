/**
 * Notes in the ledger where the log of a partition began at each leader, and when. Only leaders tell a reader
 * where a log begins. If a process is killed, its last start ends when the node starts again.
 */
import type { Partition } from '@millrace/replication';
import type { Micros } from '../world/index.ts';
import type { LedgerStart, PartitionLedger } from './ledger.ts';

export class LeaderStarts {
  /** The start that each leader has now. */
  private readonly current = new Map<Partition, LedgerStart>();

  /** The replica has moved. */
  moved(replica: Partition, ledger: PartitionLedger, nowUs: Micros): void {
    const offset = replica.leadership === undefined ? undefined : replica.log.startOffset;
    if (this.current.get(replica)?.offset === offset) return;
    this.closed(replica, nowUs);
    if (offset === undefined) return;
    const start = { offset, fromUs: nowUs, toUs: Number.POSITIVE_INFINITY };
    this.current.set(replica, start);
    ledger.starts.push(start);
  }

  closed(replica: Partition, nowUs: Micros): void {
    const start = this.current.get(replica);
    if (start !== undefined) start.toUs = nowUs;
    this.current.delete(replica);
  }
}
