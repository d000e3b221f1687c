/** Computes the target assignment of a group. */
import type { WallMillis } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { AssignorName } from '../config.ts';
import { assignors, isAssignorName } from './assignors/index.ts';
import type { Decision } from './decision.ts';
import { targetEpochRecord, targetRecord } from './group-records.ts';
import type { GroupState } from './group-state.ts';
import type { ConsumerGroupSettings } from './ports.ts';
import { Subscriptions, subscribedPartitionCounts } from './subscriptions.ts';
import { NO_PARTITIONS, samePartitions } from './topic-partitions.ts';

/**
 * The assignor for which most members ask. If no member asks for one, or if this broker does not have that
 * assignor: the first assignor of the settings.
 */
export function preferredAssignor(state: GroupState, settings: ConsumerGroupSettings): AssignorName {
  const wanted = state.assignors.most();
  return wanted !== undefined && isAssignorName(wanted) ? wanted : (settings.assignors[0] ?? 'uniform');
}

/**
 * Says whether a new target assignment may be computed now. False while the last one is younger than the
 * interval, so that many members that join at about the same time cause only one assignment. True if the wall
 * clock went back, because otherwise the group might wait for a long time.
 */
export function mayAssign(state: GroupState, settings: ConsumerGroupSettings, now: WallMillis): boolean {
  const { assignmentTimestamp: last } = state;
  return last === 0 || now < last || now >= last + settings.assignmentIntervalMs;
}

/**
 * Computes the target assignment for the present group epoch, and adds it to the decision: one record for
 * each member whose target changed, and one for the assignment epoch.
 */
export function assignTarget(
  decision: Decision,
  image: MetadataImage,
  settings: ConsumerGroupSettings,
  now: WallMillis,
): void {
  const { groupId, state } = decision;
  const subscriptions = new Subscriptions(state, image);
  const target = assignors[preferredAssignor(state, settings)]({
    members: [...state.members.values()].map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      rackId: member.rackId,
      topics: subscriptions.topicIds(member),
      current: state.target(member.memberId),
    })),
    partitionCounts: subscribedPartitionCounts(state, image),
  });
  for (const memberId of [...state.members.keys()].sort()) {
    const [before, after] = [state.targets.get(memberId), target.get(memberId) ?? NO_PARTITIONS];
    if (before === undefined || !samePartitions(before, after))
      decision.add(targetRecord(groupId, memberId, after));
  }
  const assignmentEpoch = decision.state.groupEpoch;
  decision.add(targetEpochRecord(groupId, { assignmentEpoch, assignmentTimestamp: now }));
}
