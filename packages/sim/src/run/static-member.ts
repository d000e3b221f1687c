/**
 * Which partitions a classic group may leave without an owner. When a static member starts a new process, the
 * process takes over the assignment of the earlier one without a rebalance (KIP-345). A cooperative assignor
 * withholds a partition that moves until its owner has given it up and joined again. The new process never
 * owned the partition, so it does not join again. No member gets the partition until the next rebalance.
 *
 * The new process of a static leader does not assign partitions (KIP-814). So the group leaves out the
 * partitions that the earlier process did not know when it assigned.
 */
import type { Uuid } from '@millrace/base';
import { ClassicGroup, type Group } from '@millrace/coordinator';
import type { SentAssignment } from '../clients/index.ts';
import type { Micros } from '../world/index.ts';

/**
 * Whether static members may leave out this partition. `sent`: the assignments that members of the group have
 * sent. `joinedUs`: for an instance id, when the coordinator first told the current process of this static
 * member its assignment. (The start of the process does not count: it may have started before the assignment
 * that left out the partition, and joined after that assignment.)
 */
export function isLeftOutByStaticMember(
  group: Group,
  sent: readonly SentAssignment[],
  joinedUs: (instanceId: string) => Micros | undefined,
  {
    topic,
    topicId,
    partition,
  }: { readonly topic: string; readonly topicId: Uuid; readonly partition: number },
): boolean {
  if (!(group instanceof ClassicGroup)) return false;
  const leader = [...group.members].find(({ memberId }) => memberId === group.leaderId);
  const cameBack = (instanceId: string | null, sinceUs: Micros) =>
    instanceId !== null && (joinedUs(instanceId) ?? -1) > sinceUs;
  return sent.some(({ memberId, generation, sentUs, known, withheld }) => {
    if (generation !== group.generation) return false;
    const isUnknown = partition >= (known.get(topicId) ?? 0);
    const isReplaced = leader?.memberId !== memberId;
    if (isUnknown && isReplaced && cameBack(leader?.groupInstanceId ?? null, sentUs)) return true;
    // An owner that has no new process gives the partition up and joins again. Then the group assigns the
    // partition.
    const owners = withheld.get(`${topic}-${partition}`);
    return owners?.every((instanceId) => cameBack(instanceId, sentUs)) === true;
  });
}
