/**
 * A replica's view of its ISR: the ISR that the controller committed, and at most one change in flight. A
 * leader's acknowledgements rely on two rules. A replica that the leader proposes to add counts at
 * once (maximal ISR). A smaller ISR counts only when this broker has it from the metadata log.
 */
import { assert, type NodeId } from '@millrace/base';
import type { IsrProposal } from './ports.ts';

export class IsrState {
  /** The latest ISR that the controller committed, as far as this broker knows. */
  committed: readonly NodeId[] = [];
  /** Version of `committed`. Each change by the controller raises it. */
  partitionEpoch = -1;
  /**
   * The change in flight. It stays after an error that leaves open whether the controller made the change.
   */
  pending: IsrProposal | undefined;
  private maximalWhilePending: readonly NodeId[] = [];

  /** All replicas that may be in the ISR right now. The high watermark waits for all of them. */
  get maximal(): readonly NodeId[] {
    return this.pending === undefined ? this.committed : this.maximalWhilePending;
  }

  propose(proposal: IsrProposal): void {
    assert(this.pending === undefined, 'one ISR change in flight');
    this.pending = proposal;
    const proposed = proposal.isr.map((member) => member.brokerId);
    this.maximalWhilePending = proposal.kind === 'expand' ? proposed : this.committed;
    for (const member of this.committed)
      assert(this.maximalWhilePending.includes(member), 'the maximal ISR holds the committed one');
  }

  /** Takes the controller's ISR, from metadata or from a response. Returns whether that ISR was newer. */
  commit(isr: readonly NodeId[], partitionEpoch: number): boolean {
    if (partitionEpoch <= this.partitionEpoch) return false;
    this.committed = isr;
    this.partitionEpoch = partitionEpoch;
    this.pending = undefined;
    return true;
  }

  /**
   * Called for a new leader epoch, or when this broker registered again in the same leader epoch. Drops the
   * pending proposal. Either the metadata already includes the change, or the controller will refuse the
   * proposal, because its leader epoch or broker epoch is old.
   */
  replace(isr: readonly NodeId[], partitionEpoch: number): void {
    this.committed = isr;
    this.partitionEpoch = partitionEpoch;
    this.pending = undefined;
  }

  /**
   * Returns to the committed ISR, because the controller rejected the change, or the change no longer
   * matters.
   */
  revert(): void {
    this.pending = undefined;
  }
}
