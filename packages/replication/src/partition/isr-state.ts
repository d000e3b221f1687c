/**
 * A replica's view of its ISR: what the controller has committed, and at most one change in flight. The rule
 * that keeps a leader's acknowledgements true: growth counts at once (maximal ISR), shrinking only when the
 * controller has confirmed it.
 */
import { assert, type NodeId } from '@millrace/base';
import type { IsrProposal } from './ports.ts';

export class IsrState {
  /** As committed by the controller. */
  committed: readonly NodeId[] = [];
  /** Version of `committed`; each change by the controller makes it larger. */
  partitionEpoch = -1;
  /** The change in flight. Kept through errors that leave open whether it was carried out. */
  pending: IsrProposal | undefined;
  private maximalWhilePending: readonly NodeId[] = [];

  /** Whoever may be in the ISR right now. The high watermark waits for all of them. */
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

  /** The controller's word, by metadata or by its answer. Returns whether it was news. */
  commit(isr: readonly NodeId[], partitionEpoch: number): boolean {
    if (partitionEpoch <= this.partitionEpoch) return false;
    this.committed = isr;
    this.partitionEpoch = partitionEpoch;
    this.pending = undefined;
    return true;
  }

  /**
   * Another leader epoch, or the same one after a new registration of this broker: whatever was proposed
   * before is either in the metadata already or will be refused, by its leader epoch or by its broker epoch.
   */
  replace(isr: readonly NodeId[], partitionEpoch: number): void {
    this.committed = isr;
    this.partitionEpoch = partitionEpoch;
    this.pending = undefined;
  }

  /** The controller refused: nothing was changed, and nothing will be. */
  giveUp(): void {
    this.pending = undefined;
  }
}
