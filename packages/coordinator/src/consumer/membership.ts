/**
 * Finds the member that sent a heartbeat, or says why the group does not accept it. The order of the checks
 * is Kafka's.
 */
import { type ConsumerGroupHeartbeatRequest, ErrorCode } from '@millrace/protocol';
import type { Decision } from './decision.ts';
import { assignmentRecord, memberMetadataRecord, memberTombstones, targetRecord } from './group-records.ts';
import type { GroupState } from './group-state.ts';
import { JOIN_EPOCH, type Member, newMember, STATIC_LEAVE_EPOCH } from './member.ts';
import { type Refusal, refusal } from './refusal.ts';
import { containsAll, type WirePartitions } from './topic-partitions.ts';

/**
 * The fields of a heartbeat that identify its member. `memberId` is the id that the member chose, or that the
 * coordinator chose for the member.
 */
export interface Identity {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly memberEpoch: number;
  readonly owned: readonly WirePartitions[] | null;
}

/** Kafka's answer for a group that does not exist. */
export function groupNotFound(groupId: string): Refusal {
  return refusal(ErrorCode.GROUP_ID_NOT_FOUND, `Consumer group ${groupId} not found.`);
}

export function groupFull(state: GroupState, memberId: string, maxSize: number): Refusal | undefined {
  if (state.members.size < maxSize || state.members.has(memberId)) return undefined;
  return refusal(
    ErrorCode.GROUP_MAX_SIZE_REACHED,
    `The consumer group has reached its maximum capacity of ${maxSize} members.`,
  );
}

/**
 * Finds the member of a heartbeat that joins or stays. If the member is new, makes one that is not in the
 * state yet.
 */
export function beatingMember(decision: Decision, identity: Identity): Member | Refusal {
  return identity.instanceId === null
    ? dynamicMember(decision, identity)
    : staticMember(decision, identity, identity.instanceId);
}

/** Finds the member of a heartbeat with which the member leaves. */
export function leavingMember(
  groupId: string,
  state: GroupState,
  { memberId, instanceId }: Pick<ConsumerGroupHeartbeatRequest, 'memberId' | 'instanceId'>,
): Member | Refusal {
  if (instanceId === null) return state.members.get(memberId) ?? unknownMember(groupId, memberId);
  const member = state.staticMember(instanceId);
  if (member === undefined) return unknownInstance(instanceId);
  return member.memberId === memberId ? member : fencedInstance(memberId, instanceId, member);
}

export function unknownMember(groupId: string, memberId: string): Refusal {
  return refusal(ErrorCode.UNKNOWN_MEMBER_ID, `Member ${memberId} is not a member of group ${groupId}.`);
}

function dynamicMember({ groupId, state }: Decision, identity: Identity): Member | Refusal {
  const { memberId, memberEpoch } = identity;
  const member = state.members.get(memberId);
  if (member === undefined)
    return memberEpoch === JOIN_EPOCH ? newMember(memberId) : unknownMember(groupId, memberId);
  return epochFault(member, identity) ?? member;
}

function staticMember(decision: Decision, identity: Identity, instanceId: string): Member | Refusal {
  const { memberId, memberEpoch } = identity;
  const present = decision.state.staticMember(instanceId);
  if (memberEpoch !== JOIN_EPOCH) {
    if (present === undefined) return unknownInstance(instanceId);
    if (present.memberId !== memberId) return fencedInstance(memberId, instanceId, present);
    return epochFault(present, identity) ?? present;
  }
  if (present === undefined) return decision.state.members.get(memberId) ?? newMember(memberId);
  // A classic static member sends no leave when its process ends. So any process may take its place at once.
  if (present.memberEpoch !== STATIC_LEAVE_EPOCH && present.classic === null)
    return refusal(
      ErrorCode.UNRELEASED_INSTANCE_ID,
      `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance ` +
        `id is owned by ${present.memberId} member.`,
    );
  return replaceMember(decision, present, memberId);
}

/**
 * The static member came back with another member id. The new member gets the metadata, the target and the
 * partitions of the old one.
 */
export function replaceMember(decision: Decision, present: Member, memberId: string): Member {
  const { groupId, state } = decision;
  const target = state.target(present.memberId);
  const member = { ...present, memberId, memberEpoch: 0, previousMemberEpoch: 0 };
  decision.add(
    ...memberTombstones(groupId, present.memberId),
    memberMetadataRecord(groupId, memberId, member),
    targetRecord(groupId, memberId, target),
    assignmentRecord(groupId, memberId, member),
  );
  return member;
}

/**
 * Returns undefined if the group accepts the epoch of the heartbeat. The group accepts a smaller epoch only
 * if the last answer may have been lost: the epoch must be the previous one, and the member must own only
 * partitions that are still assigned to it. As in Kafka, the group fences a member with the previous epoch if
 * the request does not say what the member owns. Kafka's clients always say it then, because they send all
 * fields after an error.
 */
function epochFault(member: Member, { memberEpoch, owned }: Identity): Refusal | undefined {
  if (memberEpoch === JOIN_EPOCH || memberEpoch === member.memberEpoch) return undefined;
  if (memberEpoch > member.memberEpoch) return fencedEpoch('greater', memberEpoch, member);
  const answerWasLost =
    memberEpoch === member.previousMemberEpoch && owned !== null && containsAll(member.assigned, owned);
  return answerWasLost ? undefined : fencedEpoch('smaller', memberEpoch, member);
}

function fencedEpoch(how: 'greater' | 'smaller', received: number, { memberEpoch }: Member): Refusal {
  return refusal(
    ErrorCode.FENCED_MEMBER_EPOCH,
    `The consumer group member has a ${how} member epoch (${received}) than the one known by the group ` +
      `coordinator (${memberEpoch}). The member must abandon all its partitions and rejoin.`,
  );
}

export function unknownInstance(instanceId: string): Refusal {
  return refusal(ErrorCode.UNKNOWN_MEMBER_ID, `Instance id ${instanceId} is unknown.`);
}

export function fencedInstance(memberId: string, instanceId: string, present: Member): Refusal {
  return refusal(
    ErrorCode.FENCED_INSTANCE_ID,
    `Static member ${memberId} with instance id ${instanceId} was fenced by member ${present.memberId}.`,
  );
}
