/**
 * One step of a member on its way to its target assignment (KIP-848). The member first gives up the
 * partitions that are not in its target. Then the member gets those partitions of its target that no other
 * member holds. So no partition has two holders.
 */
import type { Uuid } from '@millrace/base';
import { type Member, MemberState } from './member.ts';
import {
  containsAny,
  type EpochedPartitions,
  NO_PARTITIONS,
  type TopicPartitions,
  union,
  type WirePartitions,
} from './topic-partitions.ts';

/** What the member's heartbeat shows about the assignment that the member has. */
export interface Claim {
  /** The partitions that the member owns according to its request. Null: the request does not name them. */
  readonly owned: readonly WirePartitions[] | null;
  /**
   * True if the request has the previous member epoch: the member does not know its present assignment yet.
   */
  readonly missedAnswer: boolean;
}

export interface Goal extends Claim {
  readonly assignmentEpoch: number;
  readonly target: TopicPartitions;
  /** The topics that the member subscribes to and that exist. */
  readonly topics: ReadonlySet<Uuid>;
  /** The member changed its subscription with this heartbeat. */
  readonly subscriptionChanged: boolean;
  /** The id of the member that holds the partition; undefined: no member holds it. */
  holder(topic: Uuid, partition: number): string | undefined;
}

/**
 * Returns the member after the step, which may equal the member before the step. Undefined: this broker does
 * not know the member's state (`MemberState.UNKNOWN`), so the member must give up everything and join again.
 */
export function reconcile(member: Member, goal: Goal): Member | undefined {
  if (waitsForAnswer(member, goal)) return member;
  switch (member.state) {
    case MemberState.STABLE:
      if (member.memberEpoch !== goal.assignmentEpoch) return nextAssignment(member, goal);
      return goal.subscriptionChanged ? withoutUnsubscribed(member, goal) : member;
    case MemberState.UNREVOKED_PARTITIONS:
      if (!stillOwns(member.pendingRevocation, goal)) return nextAssignment(member, goal);
      return goal.subscriptionChanged ? withoutUnsubscribed(member, goal) : member;
    case MemberState.UNRELEASED_PARTITIONS:
      return nextAssignment(member, goal);
    default:
      return goal.owned?.length === 0 ? nextAssignment(member, goal) : undefined;
  }
}

/**
 * A member that missed an answer gets this answer again, and makes its next step with a later heartbeat. The
 * reason: the request may be an old copy that arrived late, and the member may own more partitions by now
 * than the request says. A step now could then give partitions that the member still owns to other members.
 * Kafka 4.3.1 makes the step at once.
 */
function waitsForAnswer({ state }: Member, { missedAnswer, subscriptionChanged }: Goal): boolean {
  return missedAnswer && !subscriptionChanged && state !== MemberState.UNKNOWN;
}

/**
 * True if the member owns some of the partitions, or if its request does not say which partitions it owns.
 */
function stillOwns(partitions: EpochedPartitions, { owned }: Goal): boolean {
  return owned === null || containsAny(partitions, owned);
}

function nextAssignment(member: Member, goal: Goal): Member {
  const { kept, revoked } = split(member.assigned, (topic) =>
    goal.topics.has(topic) ? goal.target.get(topic) : undefined,
  );
  if (revoked.size > 0 && stillOwns(revoked, goal)) {
    return advanced(member, member.memberEpoch, {
      state: MemberState.UNREVOKED_PARTITIONS,
      assigned: kept,
      pendingRevocation: revoked,
    });
  }
  const { assigned, isComplete } = withFreePartitions(member, kept, goal);
  return advanced(member, goal.assignmentEpoch, {
    state: isComplete ? MemberState.STABLE : MemberState.UNRELEASED_PARTITIONS,
    assigned,
    pendingRevocation: NO_PARTITIONS,
  });
}

/** Adds the partitions of the target that no other member holds. `isComplete`: none was left out. */
function withFreePartitions(member: Member, kept: EpochedPartitions, goal: Goal) {
  const assigned = new Map(kept);
  let isComplete = true;
  for (const [topic, partitions] of goal.target) {
    if (!goal.topics.has(topic)) continue;
    const epochs = new Map(kept.get(topic));
    for (const partition of partitions) {
      if (epochs.has(partition)) continue;
      const holder = goal.holder(topic, partition);
      if (holder === undefined || holder === member.memberId) epochs.set(partition, goal.assignmentEpoch);
      else isComplete = false;
    }
    if (epochs.size > 0) assigned.set(topic, epochs);
  }
  return { assigned, isComplete };
}

/** The member gives up the topics that it no longer subscribes to, although its target has not changed. */
function withoutUnsubscribed(member: Member, goal: Goal): Member {
  const kept = new Map<Uuid, ReadonlyMap<number, number>>();
  const dropped = new Map<Uuid, ReadonlyMap<number, number>>();
  for (const [topic, epochs] of member.assigned) (goal.topics.has(topic) ? kept : dropped).set(topic, epochs);
  if (dropped.size === 0) return member;
  const revoked = union(member.pendingRevocation, dropped);
  if (!stillOwns(revoked, goal)) return advanced(member, member.memberEpoch, { ...member, assigned: kept });
  return advanced(member, member.memberEpoch, {
    state: MemberState.UNREVOKED_PARTITIONS,
    assigned: kept,
    pendingRevocation: revoked,
  });
}

function split(
  assigned: EpochedPartitions,
  target: (topic: Uuid) => readonly number[] | undefined,
): { kept: EpochedPartitions; revoked: EpochedPartitions } {
  const kept = new Map<Uuid, ReadonlyMap<number, number>>();
  const revoked = new Map<Uuid, ReadonlyMap<number, number>>();
  for (const [topic, epochs] of assigned) {
    const wanted = new Set(target(topic));
    const [inside, outside] = [new Map<number, number>(), new Map<number, number>()];
    for (const [partition, epoch] of epochs) (wanted.has(partition) ? inside : outside).set(partition, epoch);
    if (inside.size > 0) kept.set(topic, inside);
    if (outside.size > 0) revoked.set(topic, outside);
  }
  return { kept, revoked };
}

/**
 * Returns the member with a new assignment. If the member's epoch does not change, its previous epoch stays
 * as well: a member whose answers were lost still sends the previous epoch, even if the coordinator has
 * changed its assignment several times since. In this case Kafka 4.3.1 sets the previous epoch to the present
 * one, and so fences such a member.
 */
function advanced(
  member: Member,
  memberEpoch: number,
  assignment: Pick<Member, 'state' | 'assigned' | 'pendingRevocation'>,
): Member {
  const previousMemberEpoch =
    memberEpoch === member.memberEpoch ? member.previousMemberEpoch : member.memberEpoch;
  const { state, assigned, pendingRevocation } = assignment;
  return { ...member, memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation };
}
