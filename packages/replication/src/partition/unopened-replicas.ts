/**
 * Replicas whose log cannot be opened: there is no partition object that could speak for them, and the
 * controller may count on them, or have them lead. Asks it not to, for each state of the partition. Knows no
 * logs. Those that only wait for space are not its business.
 */
import type { Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { IsrProposal, PartitionAssignment, PartitionPorts } from './ports.ts';

export class UnopenedReplicas {
  private readonly ports: Pick<PartitionPorts, 'brokerId' | 'proposeIsr' | 'storageFailed'>;
  private readonly asked = new Map<string, IsrProposal>();

  constructor(ports: Pick<PartitionPorts, 'brokerId' | 'proposeIsr' | 'storageFailed'>) {
    this.ports = ports;
  }

  /** The controller's latest word about one of them. */
  assign(
    { topicId, index }: { readonly topicId: Uuid; readonly index: number },
    { isr, elr, leaderEpoch, partitionEpoch }: PartitionAssignment,
  ): void {
    const key = `${topicId}-${index}`;
    const { brokerId } = this.ports;
    if (this.asked.get(key)?.partitionEpoch === partitionEpoch) return;
    this.asked.delete(key);
    if (!isr.includes(brokerId) && !elr.includes(brokerId)) return;
    this.ports.storageFailed();
    const proposal: IsrProposal = {
      kind: 'storage-failed',
      topicId,
      partition: index,
      leaderEpoch,
      partitionEpoch,
      isr: [],
      isPending: () => this.asked.get(key) === proposal,
      answered: ({ errorCode }) => errorCode === ErrorCode.NONE,
    };
    this.asked.set(key, proposal);
    this.ports.proposeIsr(proposal);
  }

  /** It was opened, is not this broker's, or its topic was deleted. */
  forget(topicId: Uuid, index: number): void {
    this.asked.delete(`${topicId}-${index}`);
  }

  /** The broker registers under another epoch: whatever was asked before is refused. */
  clear(): void {
    this.asked.clear();
  }
}
