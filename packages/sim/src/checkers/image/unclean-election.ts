/**
 * The controller elects only a replica with all committed records: a member of the ISR or the ELR before the
 * election. Two exceptions lose records, and the contract names both:
 *
 * - The topic allows unclean elections (unclean.leader.election.enable).
 * - The last complete replica came back with another disk. Then a member of the former ISR leads. If no
 *   replica ever left the ISR, any other replica leads.
 */
import { booleanOf, effectiveTopicConfig, type MetadataImage } from '@millrace/metadata';
import type { StateCheckerKind, StateScope } from '../checker.ts';
import { changedPartitions, completeReplicas, membersText, type PartitionStep } from './partition-steps.ts';

const NAME = 'unclean-election';

export const uncleanElection: StateCheckerKind = {
  name: NAME,
  sentence: 'an elected leader was in the ISR or the ELR, except where the contract allows another one',
  make: (scope) => ({ committed: (before, after) => check(scope, before, after) }),
};

function check(scope: StateScope, before: MetadataImage, after: MetadataImage): void {
  for (const step of changedPartitions(before, after)) {
    if (step.before === undefined) continue;
    // A member that the controller adds to the ISR without the leader's request is elected as good as a
    // leader: another one may follow it at once.
    const chosen = step.after.leader === step.before.leader ? [] : [step.after.leader];
    for (const id of chosen) {
      if (id === -1 || completeReplicas(step.before).includes(id)) continue;
      if (allowsUnclean(before, step.topic.name) || replacesLostDisk(before, after, step, id)) continue;
      scope.world.fail(
        NAME,
        `broker ${id} is elected for ${step.name} in epoch ${step.after.leaderEpoch}, but before it was ${membersText(step.before)}, former ISR ${step.before.formerIsr.join()}`,
      );
    }
  }
}

function allowsUnclean(image: MetadataImage, topic: string): boolean {
  return booleanOf(
    effectiveTopicConfig('unclean.leader.election.enable', { topic: image.topicConfig(topic) }),
  );
}

/** Whether the only complete replica registered with another disk, and `id` is the best of the others. */
function replacesLostDisk(
  before: MetadataImage,
  after: MetadataImage,
  { before: state }: PartitionStep,
  id: number,
): boolean {
  const [last, ...others] = completeReplicas(state!);
  if (last === undefined || others.length > 0) return false;
  const old = before.broker(last)?.logDirs ?? [];
  const now = after.broker(last)?.logDirs ?? [];
  if (old.some((directory) => now.includes(directory))) return false;
  const { formerIsr } = state!;
  const best = formerIsr.filter((one) => one !== last);
  return best.length === 0 || best.includes(id);
}
