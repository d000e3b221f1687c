/**
 * The controller never commits a leader that cannot lead. A leader is registered, not fenced, not in
 * controlled shutdown, and a member of the ISR. An unclean election keeps this rule too, because it puts the
 * new leader alone into the ISR.
 */
import type { MetadataImage } from '@millrace/metadata';
import type { StateCheckerKind, StateScope } from '../checker.ts';
import { membersText, partitionSteps } from './partition-steps.ts';

const NAME = 'leader-not-active';

export const leaderNotActive: StateCheckerKind = {
  name: NAME,
  sentence: 'every committed leader is an active broker and a member of the ISR',
  make: (scope) => ({ committed: (before, after) => check(scope, before, after) }),
};

function check(scope: StateScope, before: MetadataImage, after: MetadataImage): void {
  for (const { name, after: state } of partitionSteps(before, after)) {
    const { leader, isr, leaderEpoch } = state;
    if (leader === -1) continue;
    const fail = (what: string): never =>
      scope.world.fail(
        NAME,
        `broker ${leader} leads ${name} in epoch ${leaderEpoch} (${membersText(state)}) and ${what}`,
      );
    if (!isr.includes(leader)) fail('is not in the ISR');
    if (!after.isActive(leader)) fail(stateOf(after, leader));
  }
}

/** Says why the broker is not active. */
export function stateOf(image: MetadataImage, id: number): string {
  const broker = image.broker(id);
  if (broker === undefined) return 'is not registered';
  return broker.fenced ? 'is fenced' : 'is in controlled shutdown';
}
