/**
 * Replicas whose log cannot be opened. They have no partition object, but the controller may still count them
 * as members of the ISR, or elect them. This class asks the controller to remove them from ISR and ELR, with
 * one proposal for each partition epoch. It knows no logs. It does not handle replicas whose log failed to
 * open with a transient error, for example on a full disk.
 */
import type { Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { IsrProposal, PartitionAssignment, PartitionPorts } from './ports.ts';

export class OfflineReplicas {
  private readonly ports: Pick<PartitionPorts, 'brokerId' | 'proposeIsr' | 'storageFailed'>;
  private readonly asked = new Map<string, IsrProposal>();

  constructor(ports: Pick<PartitionPorts, 'brokerId' | 'proposeIsr' | 'storageFailed'>) {
    this.ports = ports;
  }

  /** Takes the controller's latest assignment of an offline replica. */
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

  /** Drops the proposal: the log was opened, the replica left this broker, or its topic was deleted. */
  forget(topicId: Uuid, index: number): void {
    this.asked.delete(`${topicId}-${index}`);
  }

  /**
   * Drops all proposals. Called when the broker's registration is over, because the controller refuses
   * requests of an earlier broker epoch.
   */
  clear(): void {
    this.asked.clear();
  }
}
