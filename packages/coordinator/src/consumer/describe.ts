/** A group as ConsumerGroupDescribe shows it. */
import type { MetadataImage } from '@millrace/metadata';
import type { ConsumerGroupDescribeResponse } from '@millrace/protocol';
import type { GroupState } from './group-state.ts';
import { type Member, MemberState } from './member.ts';
import type { ConsumerGroupSettings } from './ports.ts';
import { preferredAssignor } from './target.ts';
import { type EpochedPartitions, type TopicPartitions, toWire, union } from './topic-partitions.ts';

export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable' | 'Dead';

export type DescribedConsumerGroup = Omit<
  ConsumerGroupDescribeResponse['groups'][number],
  'errorCode' | 'errorMessage' | 'authorizedOperations' | 'rebalances'
>;

/** The values of `memberType`: the protocol that a member speaks. */
const MEMBER_TYPE = { CLASSIC: 0, CONSUMER: 1 } as const;

export function groupStateName(state: GroupState): ConsumerGroupState {
  if (state.members.size === 0) return state.persisted ? 'Empty' : 'Dead';
  if (state.groupEpoch > state.assignmentEpoch) return 'Assigning';
  for (const member of state.members.values())
    if (member.state !== MemberState.STABLE || member.memberEpoch !== state.assignmentEpoch)
      return 'Reconciling';
  return 'Stable';
}

export function describeGroup(
  groupId: string,
  state: GroupState,
  settings: ConsumerGroupSettings,
  image: MetadataImage,
): DescribedConsumerGroup {
  return {
    groupId,
    groupState: groupStateName(state),
    groupEpoch: state.groupEpoch,
    assignmentEpoch: state.assignmentEpoch,
    assignorName: preferredAssignor(state, settings),
    members: [...state.members.keys()]
      .sort()
      .map((memberId) => describeMember(state.members.get(memberId)!, state.target(memberId), image)),
  };
}

function describeMember(member: Member, target: TopicPartitions, image: MetadataImage) {
  return {
    memberId: member.memberId,
    instanceId: member.instanceId,
    rackId: member.rackId,
    memberEpoch: member.memberEpoch,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: [...member.subscribedTopicNames],
    subscribedTopicRegex: member.subscribedTopicRegex ?? '',
    // Includes the partitions that the member must give up, because it still holds them.
    assignment: named(union(member.assigned, member.pendingRevocation), image),
    targetAssignment: named(target, image),
    memberType: member.classic === null ? MEMBER_TYPE.CONSUMER : MEMBER_TYPE.CLASSIC,
  };
}

/** Adds the names of the topics. Leaves out topics that no longer exist. */
function named(partitions: EpochedPartitions | TopicPartitions, image: MetadataImage) {
  return {
    topicPartitions: toWire(partitions).flatMap(({ topicId, partitions: list }) => {
      const topic = image.topicById(topicId);
      return topic === undefined ? [] : [{ topicId, topicName: topic.name, partitions: [...list] }];
    }),
  };
}
