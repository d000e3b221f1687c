/**
 * An inactive broker is fenced or in controlled shutdown. The controller removes an inactive broker from
 * every ISR that has an active member. Otherwise the leader could commit nothing until the controller removes
 * that broker at the leader's request. An ISR without an active member may keep its members, because they
 * hold all acknowledged records.
 */
import type { MetadataImage } from '@millrace/metadata';
import type { StateCheckerKind, StateScope } from '../checker.ts';
import { stateOf } from './leader-not-active.ts';
import { membersText, partitionSteps } from './partition-steps.ts';

const NAME = 'inactive-in-isr';

export const inactiveInIsr: StateCheckerKind = {
  name: NAME,
  sentence: 'if a committed ISR has an active member, all its members are active',
  make: (scope) => ({ committed: (before, after) => check(scope, before, after) }),
};

function check(scope: StateScope, before: MetadataImage, after: MetadataImage): void {
  for (const { name, after: state } of partitionSteps(before, after)) {
    const inactive = state.isr.find((id) => !after.isActive(id));
    const active = state.isr.find((id) => after.isActive(id));
    if (inactive === undefined || active === undefined) continue;
    scope.world.fail(
      NAME,
      `broker ${inactive} ${stateOf(after, inactive)}, and stays in the ISR of ${name} beside broker ${active} (${membersText(state)})`,
    );
  }
}
