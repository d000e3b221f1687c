/**
 * Which partitions a classic group may leave out. A static member that comes back takes over its assignment
 * without a rebalance (KIP-345). So it keeps the partitions that its earlier process had to give up, and no
 * other member gets them until the next rebalance. A static leader that comes back does not assign either
 * (KIP-814). So it leaves out the partitions that its earlier process did not know when it assigned.
 */
import type { Uuid } from '@millrace/base';
import { ClassicGroup, type Group } from '@millrace/coordinator';
import type { SentAssignment } from '../clients/index.ts';
import type { Micros } from '../world/index.ts';

/**
 * `sent`: the assignments of the group. `startedUs`: when the process of the static member with this instance
 * id started.
 */
export function isLeftOutByStaticMember(
  group: Group,
  sent: readonly SentAssignment[],
  startedUs: (instanceId: string) => Micros | undefined,
  {
    topic,
    topicId,
    partition,
  }: { readonly topic: string; readonly topicId: Uuid; readonly partition: number },
): boolean {
  if (!(group instanceof ClassicGroup)) return false;
  const leader = [...group.members].find(({ memberId }) => memberId === group.leaderId);
  const cameBack = (instanceId: string | null, sinceUs: Micros) =>
    instanceId !== null && (startedUs(instanceId) ?? -1) > sinceUs;
  return sent.some(({ generation, sentUs, known, withheld }) => {
    if (generation !== group.generation) return false;
    const isUnknown = partition >= (known.get(topicId) ?? 0);
    if (isUnknown && cameBack(leader?.groupInstanceId ?? null, sentUs)) return true;
    // An owner that has not come back gives the partition up, joins again, and the group assigns it.
    const owners = withheld.get(`${topic}-${partition}`);
    return owners?.every((instanceId) => cameBack(instanceId, sentUs)) === true;
  });
}
