/**
 * Which partitions a classic group may leave out. As in Kafka, a static leader that comes back takes over the
 * generation without assigning (KIP-814), so it does not notice partitions of which its earlier process knew
 * nothing when it assigned. Nor does it assign what its earlier process withheld until a member gave it up,
 * if the rebalance that follows is lost with the coordinator.
 */
import type { Uuid } from '@millrace/base';
import { ClassicGroup, type Group } from '@millrace/coordinator';
import type { SentAssignment } from '../clients/index.ts';
import type { Micros } from '../world/index.ts';

/**
 * `sent`: the assignments of the group. `startedUs`: when the process of the static member with this instance
 * id started.
 */
export function isLeftOutByStaticLeader(
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
  if (leader === undefined || leader.groupInstanceId === null) return false;
  const leadsSinceUs = startedUs(leader.groupInstanceId) ?? -1;
  return sent.some(
    ({ generation, sentUs, known, assigned }) =>
      generation === group.generation &&
      sentUs < leadsSinceUs &&
      (partition >= (known.get(topicId) ?? 0) || assigned?.has(`${topic}-${partition}`) === false),
  );
}
