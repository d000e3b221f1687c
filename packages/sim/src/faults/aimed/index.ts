/**
 * Faults of several steps that wait for their moment: each makes a state that chance would reach once in many
 * thousand seeds. What a step leaves behind when the faults are over is healed like everything else
 * (run/peace.ts).
 */
import type { FaultKind } from '../fault.ts';
import { crashInVote } from './crash-in-vote.ts';
import { forgottenLeader } from './forgotten-leader.ts';
import { refusedMember } from './refused-member.ts';

export { lateCopy } from './late-copy.ts';
export { lateFromDead } from './late-from-dead.ts';

export const aimedFaults: readonly FaultKind[] = [crashInVote, forgottenLeader, refusedMember];
