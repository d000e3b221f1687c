/**
 * Faults of several steps that wait for their moment. Each creates a state that chance reaches once in many
 * thousand seeds. Peace heals the effects of their steps in the same way as the effects of other faults
 * (run/peace.ts).
 */
import type { FaultKind } from '../fault.ts';
import { crashInVote } from './crash-in-vote.ts';
import { forgottenLeader } from './forgotten-leader.ts';
import { refusedMember } from './refused-member.ts';

export { lateCopy } from './late-copy.ts';
export { lateFromDead } from './late-from-dead.ts';
export { reusedName } from './reused-name.ts';

export const aimedFaults: readonly FaultKind[] = [crashInVote, forgottenLeader, refusedMember];
