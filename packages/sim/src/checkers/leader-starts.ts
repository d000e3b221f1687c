/**
 * A reader learns only from leaders where a log begins. So this class notes in the ledger each log start
 * offset that a leader had, and the time for which the leader had it. It also notes which batches a leader
 * appended while its log began there. If a process is killed, the time of its last start ends when the node
 * starts again.
 */
import type { Partition } from '@millrace/replication';
import type { Micros } from '../world/index.ts';
import type { LedgerStart, PartitionLedger } from './ledger.ts';
import type { HostedReplica } from './replica-walk.ts';

export class LeaderStarts {
  /** The start that each leader has now. */
  private readonly current = new Map<Partition, LedgerStart>();

  /** Call this when the replica's state has changed. */
  moved({ replica, before }: HostedReplica, ledger: PartitionLedger, nowUs: Micros): void {
    const { leaderEpoch, log } = replica;
    const offset = replica.leadership === undefined ? undefined : log.startOffset;
    const isSame = this.current.get(replica)?.offset === offset;
    if (offset !== undefined && (!isSame || leaderEpoch !== before.leaderEpoch))
      ledger.appends.push({ leaderEpoch, fromOffset: before.endOffset, startOffset: offset });
    if (isSame) return;
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
