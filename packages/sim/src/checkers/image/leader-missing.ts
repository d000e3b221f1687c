/**
 * The controller elects a leader as soon as a member of the ISR or the ELR is active. Each such member holds
 * all committed records, so it may lead.
 */
import type { MetadataImage } from '@millrace/metadata';
import type { StateCheckerKind, StateScope } from '../checker.ts';
import { completeReplicas, membersText, partitionSteps } from './partition-steps.ts';

const NAME = 'leader-missing';

export const leaderMissing: StateCheckerKind = {
  name: NAME,
  sentence: 'a partition lacks a leader only while all members of its ISR and ELR are inactive',
  make: (scope) => ({ committed: (before, after) => check(scope, before, after) }),
};

function check(scope: StateScope, before: MetadataImage, after: MetadataImage): void {
  for (const { name, after: state } of partitionSteps(before, after)) {
    if (state.leader !== -1) continue;
    const active = completeReplicas(state).find((id) => after.isActive(id));
    if (active === undefined) continue;
    scope.world.fail(NAME, `${name} has no leader, but broker ${active} is active (${membersText(state)})`);
  }
}
