/**
 * Asks the controller for another ISR. A leader asks to change its ISR; a follower may ask to leave ISR and
 * ELR. A replica has at most one proposal at a time.
 */
import type { Partition } from './partition.ts';
import type { IsrAnswer, IsrProposal, PartitionPorts } from './ports.ts';

export function proposeIsr(
  partition: Partition,
  ports: PartitionPorts,
  wish: {
    readonly kind: IsrProposal['kind'];
    readonly isr: IsrProposal['isr'];
    /** Like `IsrProposal.answered`. Not called if the proposal is no longer pending. */
    answered(answer: IsrAnswer, proposal: IsrProposal): boolean;
  },
): void {
  const { isrState } = partition;
  const { kind, isr } = wish;
  const proposal: IsrProposal = {
    kind,
    topicId: partition.topicId,
    partition: partition.index,
    leaderEpoch: partition.leaderEpoch,
    partitionEpoch: partition.partitionEpoch,
    isr,
    isPending: () => isrState.pending === proposal,
    answered: (answer) => isrState.pending !== proposal || wish.answered(answer, proposal),
  };
  isrState.propose(proposal);
  const to = isr.map(({ brokerId }) => brokerId);
  ports.logger.debug('isr-change-proposed', { ...partition.facts(), kind, from: partition.isr, to });
  ports.proposeIsr(proposal);
}
