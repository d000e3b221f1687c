/**
 * Faults of several steps. Each step waits until the cluster is in a certain state. So such a fault reaches a
 * state that other faults reach by chance only once in many thousand seeds. After the incident, run/peace.ts
 * repairs the effects of these faults in the same way as the effects of other faults.
 */
import type { FaultKind } from '../fault.ts';
import { crashInVote } from './crash-in-vote.ts';
import { forgottenLeader } from './forgotten-leader.ts';
import { refusedMember } from './refused-member.ts';

export { lateCopy } from './late-copy.ts';
export { lateFromDead } from './late-from-dead.ts';
export { loweredMinIsr } from './lowered-min-isr.ts';
export { reusedName } from './reused-name.ts';

export const aimedFaults: readonly FaultKind[] = [crashInVote, forgottenLeader, refusedMember];
