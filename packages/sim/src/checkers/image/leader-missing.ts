/**
 * While a partition has no leader, no member of its ISR or ELR is active. Each member of the ISR and the ELR
 * holds all committed records, so it may lead. The controller must elect such a member as soon as it is
 * active.
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
