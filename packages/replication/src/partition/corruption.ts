/**
 * What a replica does when its log is corrupt. Such a replica should not lead or count as complete. So it
 * asks the controller for a new leader epoch, without this replica in ISR and ELR. In that epoch the replica
 * deletes its log and fetches the records again. The last member of an ISR keeps its log, because no other
 * replica has more.
 */
import { ErrorCode } from '@millrace/protocol';
import { proposeIsr } from './isr-proposal.ts';
import type { Partition } from './partition.ts';
import type { PartitionPorts } from './ports.ts';

export class Corruption {
  /** The damage of the log; undefined: none is known. */
  reason: string | undefined;
  /** True if the log was deleted because it was corrupt, and the replica has not rejoined the ISR yet. */
  private isRefetching = false;
  private readonly partition: Partition;
  private readonly ports: PartitionPorts;

  constructor(partition: Partition, ports: PartitionPorts) {
    this.partition = partition;
    this.ports = ports;
  }

  /**
   * Called when a read found corrupt bytes, or when a read or a write failed, for example with EIO. If this
   * happens again after the replica deleted its log, and before it rejoined the ISR, the device cannot hold
   * the log. Then the replica goes offline, because each further attempt would cost a leader epoch.
   */
  found(reason: string): void {
    const { partition } = this;
    if (this.reason !== undefined || partition.isClosed) return;
    if (this.isRefetching) {
      partition.diskFailed(`the log is corrupt again before the replica rejoined the ISR: ${reason}`);
      return;
    }
    this.reason = reason;
    this.ports.storageFailed();
    this.ports.logger.error('replica-damaged', { ...partition.facts(), reason, isr: partition.isr });
    partition.leadership?.askToResign();
    if (partition.role === 'follower') this.askToLeave();
  }

  /** Called when the controller's ISR contains the replica. Its new log then holds all committed records. */
  rejoined(): void {
    this.isRefetching = false;
  }

  /**
   * Deletes a corrupt log. Called when the replica becomes a follower in a new leader epoch, and when its
   * broker registered again in the same epoch. From then on, no leader counts the offsets that the replica
   * reported before. Keeps the log while the controller may elect this replica. If this replica became leader
   * with an empty log, its followers would delete their records, too. Also keeps the log while there is no
   * leader to fetch from.
   */
  restartLog(): void {
    const { partition } = this;
    if (this.reason === undefined || partition.isOffline || partition.leaderId < 0) return;
    const { brokerId } = this.ports;
    if (partition.isr.includes(brokerId) || partition.elr.includes(brokerId)) {
      this.askToLeave();
      return;
    }
    this.reason = undefined;
    this.isRefetching = true;
    partition.restartAt(partition.log.startOffset, 'damaged');
  }

  /**
   * Asks the controller to remove this replica from ISR and ELR in a new leader epoch. Asks nothing while the
   * ISR has no other member. The broker repeats the request until the controller grants it, or the metadata
   * has another state of the partition.
   */
  askToLeave(): void {
    const { partition, ports } = this;
    if (this.reason === undefined || partition.isOffline) return;
    const others = partition.isr.filter((brokerId) => brokerId !== ports.brokerId);
    if (others.length === 0 || partition.isrState.pending !== undefined) return;
    proposeIsr(partition, ports, {
      kind: 'resign',
      isr: others.map((brokerId) => ({ brokerId, brokerEpoch: -1 })),
      answered: ({ errorCode }) => errorCode === ErrorCode.NONE,
    });
  }
}
