/**
 * One consumer group (KIP-848): answers heartbeats, removes members whose timeout ended, and reacts to
 * changes of topics. Only `replay` changes the durable state. An answer waits until the group's own last
 * decision is committed, so the answer reveals nothing that could still be lost.
 */
import type { Uuid } from '@millrace/base';
import type { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '@millrace/protocol';
import { ErrorCode } from '@millrace/protocol';
import type { ClientFacts } from '../client-facts.ts';
import type { WriteNumber } from '../runtime/machine.ts';
import type { HeartbeatCall, JoinCall, LeaveCall, SyncCall } from './classic-calls.ts';
import { ClassicMembers } from './classic-members.ts';
import { GroupCore, type Upgrade } from './core.ts';
import {
  type ConsumerGroupState,
  type DescribedConsumerGroup,
  describeGroup,
  groupStateName,
} from './describe.ts';
import { assignmentRecord, type ConsumerGroupRecord, groupTombstones } from './group-records.ts';
import { decideHeartbeat, toldMember } from './heartbeat.ts';
import { JOIN_EPOCH, type Member, mustRevoke, STATIC_LEAVE_EPOCH } from './member.ts';
import { beatingMember, groupFull, groupNotFound, leavingMember } from './membership.ts';
import { type CommitCheck, type CommitRequest, checkCommit, checkFetch } from './offset-checks.ts';
import type { ConsumerGroupPorts } from './ports.ts';
import { isRefusal, type Refusal, refusal } from './refusal.ts';
import { decideResolved, RegexSubscriptions } from './regex-subscriptions.ts';
import type { TopicChanges } from './topic-changes.ts';
import { NO_PARTITIONS, resetEpochs, sameAssigned, toWire } from './topic-partitions.ts';

export type HeartbeatReply = (response: ConsumerGroupHeartbeatResponse) => void;

export class ConsumerGroup {
  private readonly core: GroupCore;
  private readonly regexes: RegexSubscriptions;
  private readonly classicMembers: ClassicMembers;

  constructor(groupId: string, ports: ConsumerGroupPorts) {
    this.core = new GroupCore(groupId, ports);
    this.classicMembers = new ClassicMembers(this.core);
    this.regexes = new RegexSubscriptions(ports.shard, (resolved) => {
      const decision = this.core.decision();
      decideResolved(decision, resolved, ports.shard.image());
      this.core.write(decision);
    });
  }

  /**
   * From now on answers wait until `write` is committed. `write` is, for example, the decision that made the
   * group.
   */
  follow(write: WriteNumber): void {
    this.core.lastWrite = write;
  }

  /**
   * Makes the group take the place of a classic group. This happens in the same decision in which the group's
   * first member of the consumer protocol joins.
   */
  beginWith(upgrade: Upgrade): void {
    this.core.beginWith(upgrade);
  }

  get groupId(): string {
    return this.core.groupId;
  }

  /** The group's last decision. Once it is committed, the whole state is committed. */
  get lastWrite(): WriteNumber {
    return this.core.lastWrite;
  }

  /** Whether the group exists. False before the group's first record, and after its tombstones. */
  get exists(): boolean {
    return this.core.state.persisted;
  }

  get stateName(): ConsumerGroupState {
    return groupStateName(this.core.state);
  }

  /** True if the group has no members. */
  get isEmpty(): boolean {
    return this.core.state.members.size === 0;
  }

  /** The members as of the last decision, which may not be committed yet. */
  get members(): ReadonlyMap<string, Member> {
    return this.core.state.members;
  }

  isSubscribedTo(topicName: string): boolean {
    return this.core.state.isSubscribedTo(topicName);
  }

  describe(): DescribedConsumerGroup {
    const { groupId, state, settings, ports } = this.core;
    return describeGroup(groupId, state, settings, ports.shard.image());
  }

  checkCommit(request: CommitRequest): CommitCheck {
    return checkCommit(this.core.state, request);
  }

  /**
   * Whether a member may fetch offsets. `memberId` null and `memberEpoch` -1: the request names no member.
   */
  checkFetch(memberId: string | null, memberEpoch: number): ErrorCode {
    return checkFetch(this.core.state, memberId, memberEpoch);
  }

  replay(record: ConsumerGroupRecord): void {
    this.core.state.replay(record);
  }

  /**
   * Call it when the shard is loaded. Each member gets a new session, and keeps its epoch and its partitions.
   */
  loaded(): void {
    // Topics may have appeared during the load.
    this.regexes.topicsAppeared();
    for (const member of this.core.state.members.values()) {
      this.core.extendSession(member);
      if (mustRevoke(member) && member.classic === null) this.core.expectRevocation(member);
    }
  }

  /** No timer of the group fires after this. */
  ended(): void {
    this.core.timers.end();
    this.regexes.cancel();
  }

  /**
   * Notes changes of topics. If a subscribed topic changed, the next heartbeat of a member raises the group
   * epoch.
   */
  topicsChanged({ created, changed }: TopicChanges): void {
    if (created.size > 0) this.regexes.topicsAppeared();
    for (const name of changed) if (this.isSubscribedTo(name)) this.core.topicsMayDiffer = true;
  }

  /**
   * The records that delete the group. The caller writes them, and has made sure that the group has no
   * members.
   */
  tombstones(): ConsumerGroupRecord[] {
    return groupTombstones(this.groupId, this.core.state);
  }

  // Members that use the classic protocol.

  join(call: JoinCall): void {
    this.classicMembers.join(call);
  }

  sync(call: SyncCall): void {
    this.classicMembers.sync(call);
  }

  classicHeartbeat(call: HeartbeatCall): void {
    this.classicMembers.heartbeat(call);
  }

  /** Removes members of either protocol. */
  leave(call: LeaveCall): void {
    this.classicMembers.leave(call);
  }

  // Members that use the consumer protocol.

  /**
   * Answers a ConsumerGroupHeartbeat that has passed the checks of validation.ts. A group that does not exist
   * yet refuses everything except a join.
   */
  heartbeat(request: ConsumerGroupHeartbeatRequest, client: ClientFacts, reply: HeartbeatReply): void {
    const answer = this.decide(request, client);
    this.core.whenCommitted((errorCode) => {
      if (errorCode !== ErrorCode.NONE) reply(refused(refusal(errorCode)));
      else reply(isRefusal(answer) ? refused(answer) : answer);
    });
  }

  private decide(request: ConsumerGroupHeartbeatRequest, client: ClientFacts): Answer | Refusal {
    if (!this.exists && request.memberEpoch !== JOIN_EPOCH) return groupNotFound(this.groupId);
    return request.memberEpoch < JOIN_EPOCH ? this.leaveWithEpoch(request) : this.beat(request, client);
  }

  private beat(request: ConsumerGroupHeartbeatRequest, client: ClientFacts): Answer | Refusal {
    const { core } = this;
    const { instanceId, memberEpoch, topicPartitions: owned } = request;
    const circumstances = core.circumstances();
    const { settings } = circumstances;
    const memberId = request.memberId === '' ? core.ports.newMemberId() : request.memberId;
    const decision = core.decision();
    const full = groupFull(decision.state, memberId, settings.maxSize);
    if (full !== undefined) return full;
    const before = beatingMember(decision, { memberId, instanceId, memberEpoch, owned });
    if (isRefusal(before)) return before;
    const told = toldMember(before, request, client);
    // True: the member did not get the answer with its present epoch, nor the assignment in that answer.
    const missedAnswer = memberEpoch !== JOIN_EPOCH && memberEpoch !== before.memberEpoch;
    const member = decideHeartbeat(decision, before, told, { owned, missedAnswer }, circumstances);
    if (isRefusal(member)) return member;
    const errorCode = core.write(decision);
    // A member that sends heartbeats is alive, even while the log accepts no records.
    const known = core.state.members.get(memberId);
    if (known !== undefined) core.extendSession(known);
    if (errorCode !== ErrorCode.NONE) return refusal(errorCode);
    core.topicsMayDiffer = false;
    this.classicMembers.leftProtocol(memberId);
    this.regexes.refreshIfDue(core.state, settings);
    // Kafka 4.3.1 sends the assignment to a member that missed an answer only if the request has all fields.
    const isAnswered =
      isFullRequest(request) || missedAnswer || !sameAssigned(before.assigned, member.assigned);
    return {
      ...NO_ANSWER,
      memberId,
      memberEpoch: member.memberEpoch,
      heartbeatIntervalMs: settings.heartbeatIntervalMs,
      assignment: isAnswered ? { topicPartitions: wireAssignment(member) } : null,
    };
  }

  private leaveWithEpoch(request: ConsumerGroupHeartbeatRequest): Answer | Refusal {
    const member = leavingMember(this.groupId, this.core.state, request);
    if (isRefusal(member)) return member;
    const isBrief = request.memberEpoch === STATIC_LEAVE_EPOCH;
    const errorCode = isBrief ? this.leaveBriefly(member) : this.core.remove([member], 'member-left');
    if (errorCode !== ErrorCode.NONE) return refusal(errorCode);
    return { ...NO_ANSWER, memberId: request.memberId, memberEpoch: request.memberEpoch };
  }

  /**
   * A static member leaves for a while. Its assignment stays until its session ends. If a member comes back
   * with the instance id before that, this member gets the partitions, with assignment epoch 0.
   */
  private leaveBriefly(member: Member): ErrorCode {
    const decision = this.core.decision();
    const left = {
      ...member,
      memberEpoch: STATIC_LEAVE_EPOCH,
      assigned: resetEpochs(member.assigned, 0),
      pendingRevocation: NO_PARTITIONS,
    };
    decision.add(assignmentRecord(this.groupId, member.memberId, left));
    return this.core.write(decision);
  }
}

type Answer = ConsumerGroupHeartbeatResponse;

const NO_ANSWER: Answer = {
  throttleTimeMs: 0,
  errorCode: ErrorCode.NONE,
  errorMessage: null,
  memberId: null,
  memberEpoch: 0,
  heartbeatIntervalMs: 0,
  assignment: null,
};

export function refused({ errorCode, errorMessage }: Refusal): ConsumerGroupHeartbeatResponse {
  return { ...NO_ANSWER, errorCode, errorMessage };
}

/**
 * True if the request joins, or has all fields. A member that does not know its assignment sends all fields.
 */
function isFullRequest(request: ConsumerGroupHeartbeatRequest): boolean {
  const { memberEpoch, rebalanceTimeoutMs, subscribedTopicNames, subscribedTopicRegex } = request;
  if (memberEpoch === JOIN_EPOCH) return true;
  const hasSubscription = subscribedTopicNames !== null || subscribedTopicRegex !== null;
  return rebalanceTimeoutMs !== -1 && hasSubscription && request.topicPartitions !== null;
}

function wireAssignment({ assigned }: Member): { topicId: Uuid; partitions: number[] }[] {
  return toWire(assigned).map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] }));
}
