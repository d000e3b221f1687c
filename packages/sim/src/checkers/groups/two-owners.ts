/**
 * In the coordinator's state no partition has two owners in the same group. In a KIP-848 group a member owns
 * the partitions that are assigned to it, and the partitions that it has not given up yet. In a classic group
 * the assignment of the current generation names the owners.
 */
import { ClassicGroup, type ConsumerGroup, type Group } from '@millrace/coordinator';
import { CONSUMER_PROTOCOL_TYPE, consumerProtocolAssignment } from '@millrace/protocol';
import type { SimNode } from '../../cluster/index.ts';
import type { StateCheckerKind, StateScope } from '../checker.ts';
import { groupVisitor } from './walk.ts';

const NAME = 'two-owners';

export const twoOwners: StateCheckerKind = {
  name: NAME,
  sentence: 'in the state of the coordinator, no two members of a group own a partition at the same time',
  make: (scope) => groupVisitor(scope, (node, group) => check(scope, node, group)),
};

function check(scope: StateScope, node: SimNode, group: Group): void {
  const owners = new Map<string, string>();
  for (const [memberId, place] of group instanceof ClassicGroup
    ? ownersInClassic(group)
    : ofConsumer(group)) {
    const other = owners.get(place);
    owners.set(place, memberId);
    if (other !== undefined && other !== memberId)
      scope.world.fail(
        NAME,
        `${other} and ${memberId} both own ${place} in group ${group.groupId}, at the coordinator ${node.name}`,
      );
  }
}

/**
 * Yields each owned partition as `topic-partition`, with the id of its owner. Yields nothing while the group
 * rebalances, because its members have no valid assignment then.
 */
function* ownersInClassic(group: ClassicGroup): Generator<[memberId: string, place: string]> {
  if (group.state !== 'Stable' || group.protocolType !== CONSUMER_PROTOCOL_TYPE) return;
  for (const { memberId, assignment } of group.members) {
    if (assignment.length === 0) continue;
    for (const { topic, partitions } of consumerProtocolAssignment.decode(assignment).assignedPartitions)
      for (const partition of partitions) yield [memberId, `${topic}-${partition}`];
  }
}

function* ofConsumer(group: ConsumerGroup): Generator<[memberId: string, place: string]> {
  for (const { memberId, assigned, pendingRevocation } of group.members.values())
    for (const partitions of [assigned, pendingRevocation])
      for (const [topicId, epochs] of partitions)
        for (const partition of epochs.keys()) yield [memberId, `${topicId}-${partition}`];
}
