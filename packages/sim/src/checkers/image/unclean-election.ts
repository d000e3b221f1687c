/**
 * The controller elects only a replica with all committed records: a member of the ISR or the ELR before the
 * election. Two exceptions may lose records, and the durability contract (docs/architecture.md) names both:
 *
 * - The topic allows unclean elections (unclean.leader.election.enable).
 * - The last complete replica (the only one in the ISR and the ELR) came back with another disk. Then a
 *   member of the former ISR may lead. If the former ISR has no other member, any other replica may lead.
 */
import { booleanOf, effectiveTopicConfig, type MetadataImage } from '@millrace/metadata';
import type { StateCheckerKind, StateScope } from '../checker.ts';
import {
  changedPartitions,
  completeReplicas,
  listText,
  membersText,
  type PartitionStep,
} from './partition-steps.ts';

const NAME = 'unclean-election';

export const uncleanElection: StateCheckerKind = {
  name: NAME,
  sentence: 'an elected leader was in the ISR or the ELR, except where the contract allows another replica',
  make: (scope) => ({ committed: (before, after) => check(scope, before, after) }),
};

function check(scope: StateScope, before: MetadataImage, after: MetadataImage): void {
  for (const step of changedPartitions(before, after)) {
    const { before: was, after: now } = step;
    const { leader } = now;
    if (was === undefined || leader === was.leader || leader === -1) continue;
    if (completeReplicas(was).includes(leader)) continue;
    if (allowsUnclean(before, step.topic.name) || replacesLostDisk(before, after, step, leader)) continue;
    scope.world.fail(
      NAME,
      `broker ${leader} is elected for ${step.name} in epoch ${now.leaderEpoch}, but before it was ${membersText(was)}, former ISR ${listText(was.formerIsr)}`,
    );
  }
}

function allowsUnclean(image: MetadataImage, topic: string): boolean {
  return booleanOf(
    effectiveTopicConfig('unclean.leader.election.enable', { topic: image.topicConfig(topic) }),
  );
}

/**
 * Whether the only complete replica has registered with another disk, and the broker `id` may lead instead.
 * It may if it is a member of the former ISR, or if the former ISR has no other member.
 */
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
