/**
 * One consumer group (KIP-848): answers heartbeats, removes members whose time is over, and follows the
 * topics. The durable state changes only by `replay`. An answer waits until the group's own last write is
 * committed, so it reveals nothing that could be lost.
 */
import type { Millis, Uuid } from '@millrace/base';
import type { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '@millrace/protocol';
import { ErrorCode } from '@millrace/protocol';
import type { ClientFacts } from '../client-facts.ts';
import type { WriteNumber } from '../runtime/machine.ts';
import { Decision } from './decision.ts';
import {
  type ConsumerGroupState,
  type DescribedConsumerGroup,
  describeGroup,
  groupStateName,
} from './describe.ts';
import {
  assignmentRecord,
  type ConsumerGroupRecord,
  encodeRecord,
  groupEpochRecord,
  memberTombstones,
  partitionMetadataTombstone,
  regexRecord,
  targetEpochRecord,
} from './group-records.ts';
import { GroupState } from './group-state.ts';
import { type Circumstances, decideHeartbeat, toldMember } from './heartbeat.ts';
import { JOIN_EPOCH, type Member, MemberState, regexOf, STATIC_LEAVE_EPOCH } from './member.ts';
import { beatingMember, groupFull, leavingMember } from './membership.ts';
import { type CommitCheck, type CommitRequest, checkCommit, checkFetch } from './offset-checks.ts';
import type { ConsumerGroupPorts, RebalanceCause } from './ports.ts';
import { isRefusal, type Refusal, refusal } from './refusal.ts';
import { decideResolved, RegexSubscriptions } from './regex-subscriptions.ts';
import { MemberTimers } from './timers.ts';
import type { TopicChanges } from './topic-changes.ts';
import { NO_PARTITIONS, resetEpochs, sameAssigned, toWire } from './topic-partitions.ts';
import { heartbeatFault } from './validation.ts';

/** How long the group waits before it removes a member again after the log refused that. */
const RETRY_MS: Millis = 500;

export type HeartbeatReply = (response: ConsumerGroupHeartbeatResponse) => void;

export class ConsumerGroup {
  readonly groupId: string;
  private readonly ports: ConsumerGroupPorts;
  private readonly timers: MemberTimers;
  private readonly regexes: RegexSubscriptions;
  private readonly state = new GroupState();
  private lastWriteNumber: WriteNumber = 0;
  /** Topics may have changed before this group was loaded. */
  private topicsMayDiffer = true;

  constructor(groupId: string, ports: ConsumerGroupPorts) {
    this.groupId = groupId;
    this.ports = ports;
    this.timers = new MemberTimers(
      ports.shard,
      (memberId) => this.sessionEnded(memberId),
      (memberId) => this.revocationTimedOut(memberId),
    );
    this.regexes = new RegexSubscriptions(ports.shard, (resolved) => {
      const decision = this.decision();
      decideResolved(decision, resolved, ports.shard.image());
      this.write(decision);
    });
    this.regexes.topicsAppeared();
  }

  /** The group's last decision: what its state says is committed when this is. */
  get lastWrite(): WriteNumber {
    return this.lastWriteNumber;
  }

  /** False before its first record, and after its tombstones: the group does not exist then. */
  get exists(): boolean {
    return this.state.persisted;
  }

  get stateName(): ConsumerGroupState {
    return groupStateName(this.state);
  }

  /** True if the group has no members. */
  get isEmpty(): boolean {
    return this.state.members.size === 0;
  }

  isSubscribedTo(topicName: string): boolean {
    return this.state.isSubscribedTo(topicName);
  }

  describe(): DescribedConsumerGroup {
    return describeGroup(this.groupId, this.state, this.ports.settings(), this.ports.shard.image());
  }

  checkCommit(request: CommitRequest): CommitCheck {
    return checkCommit(this.state, request);
  }

  /** Whether a member may fetch offsets. Null and -1: the request names no member. */
  checkFetch(memberId: string | null, memberEpoch: number): ErrorCode {
    return checkFetch(this.state, memberId, memberEpoch);
  }

  replay(record: ConsumerGroupRecord): void {
    this.state.replay(record);
  }

  /** The log is loaded: each member has a new session, and continues where it was. */
  loaded(): void {
    for (const member of this.state.members.values()) {
      this.extendSession(member.memberId);
      if (member.state === MemberState.UNREVOKED_PARTITIONS) this.awaitRevocation(member);
    }
  }

  /** No timer of the group fires after this. */
  ended(): void {
    this.timers.clear();
    this.regexes.cancel();
  }

  /** The next heartbeat of a member raises the group epoch, if a subscribed topic changed. */
  topicsChanged({ created, changed }: TopicChanges): void {
    if (created.size > 0) this.regexes.topicsAppeared();
    for (const name of changed) if (this.state.isSubscribedTo(name)) this.topicsMayDiffer = true;
  }

  /** The records that delete the group. The caller writes them, and has made sure that it has no members. */
  tombstones(): ConsumerGroupRecord[] {
    const { groupId, state } = this;
    return [
      targetEpochRecord(groupId, null),
      ...[...state.resolvedRegexes.keys()].sort().map((regex) => regexRecord(groupId, regex, null)),
      partitionMetadataTombstone(groupId),
      groupEpochRecord(groupId, null),
    ];
  }

  /** Answers a ConsumerGroupHeartbeat. A group that does not exist yet answers only a join. */
  heartbeat(
    version: number,
    request: ConsumerGroupHeartbeatRequest,
    client: ClientFacts,
    reply: HeartbeatReply,
  ): void {
    const fault = heartbeatFault(version, request, this.ports.settings().assignors);
    if (fault !== undefined) {
      reply(refused(fault));
      return;
    }
    const answer = request.memberEpoch < JOIN_EPOCH ? this.leave(request) : this.beat(request, client);
    this.ports.shard.whenCommitted(this.lastWriteNumber, (errorCode) => {
      if (errorCode !== ErrorCode.NONE) reply(refused(refusal(errorCode)));
      else reply(isRefusal(answer) ? refused(answer) : answer);
    });
  }

  private beat(request: ConsumerGroupHeartbeatRequest, client: ClientFacts): Answer | Refusal {
    const { instanceId, memberEpoch, topicPartitions: owned } = request;
    const circumstances = this.circumstances();
    const { settings } = circumstances;
    const memberId = request.memberId === '' ? this.ports.newMemberId() : request.memberId;
    const full = groupFull(this.state, memberId, settings.maxSize);
    if (full !== undefined) return full;
    const decision = this.decision();
    const before = beatingMember(decision, { memberId, instanceId, memberEpoch, owned });
    if (isRefusal(before)) return before;
    const told = toldMember(before, request, client);
    const member = decideHeartbeat(decision, before, told, owned, circumstances);
    if (isRefusal(member)) return member;
    const errorCode = this.write(decision);
    // A member that sends heartbeats lives, also while the log accepts nothing.
    if (this.state.members.has(memberId)) this.extendSession(memberId);
    if (errorCode !== ErrorCode.NONE) return refusal(errorCode);
    this.topicsMayDiffer = false;
    this.regexes.refreshIfDue(this.state, settings);
    const isAnswered = isFullRequest(request) || !sameAssigned(before.assigned, member.assigned);
    return {
      ...NO_ANSWER,
      memberId,
      memberEpoch: member.memberEpoch,
      heartbeatIntervalMs: settings.heartbeatIntervalMs,
      assignment: isAnswered ? { topicPartitions: wireAssignment(member) } : null,
    };
  }

  private leave(request: ConsumerGroupHeartbeatRequest): Answer | Refusal {
    const member = leavingMember(this.groupId, this.state, request);
    if (isRefusal(member)) return member;
    const isBrief = request.memberEpoch === STATIC_LEAVE_EPOCH;
    const errorCode = isBrief ? this.leaveBriefly(member) : this.remove(member, 'member-left');
    if (errorCode !== ErrorCode.NONE) return refusal(errorCode);
    return { ...NO_ANSWER, memberId: request.memberId, memberEpoch: request.memberEpoch };
  }

  /**
   * A static member keeps its assignment until its session ends. The member that comes back with the instance
   * id then has these partitions since epoch 0.
   */
  private leaveBriefly(member: Member): ErrorCode {
    const decision = this.decision();
    const left = {
      ...member,
      memberEpoch: STATIC_LEAVE_EPOCH,
      assigned: resetEpochs(member.assigned, 0),
      pendingRevocation: NO_PARTITIONS,
    };
    decision.add(assignmentRecord(this.groupId, member.memberId, left));
    return this.write(decision);
  }

  private sessionEnded(memberId: string): void {
    const member = this.state.members.get(memberId);
    if (member === undefined) return;
    const { sessionTimeoutMs } = this.ports.settings();
    const errorCode = this.remove(member, 'session-expired', sessionTimeoutMs);
    if (errorCode !== ErrorCode.NONE) this.timers.extendSession(memberId, RETRY_MS);
  }

  private revocationTimedOut(memberId: string): void {
    const member = this.state.members.get(memberId);
    if (member?.state !== MemberState.UNREVOKED_PARTITIONS) return;
    const errorCode = this.remove(member, 'rebalance-timeout', member.rebalanceTimeoutMs);
    if (errorCode !== ErrorCode.NONE) this.timers.awaitRevocation(memberId, RETRY_MS);
  }

  private remove(member: Member, cause: RebalanceCause, afterMs?: Millis): ErrorCode {
    const { memberId, clientId, clientHost } = member;
    const decision = this.decision();
    decision.add(...memberTombstones(this.groupId, memberId));
    const regex = regexOf(member);
    if (regex !== undefined && decision.state.regexes.of(regex) === 0)
      decision.add(regexRecord(this.groupId, regex, null));
    const why = { cause, memberId, clientId, clientHost };
    decision.raiseEpoch(this.ports.shard.image(), afterMs === undefined ? why : { ...why, afterMs });
    return this.write(decision);
  }

  private decision(): Decision {
    return new Decision(this.groupId, this.state);
  }

  private circumstances(): Circumstances {
    const { shard } = this.ports;
    return {
      image: shard.image(),
      settings: this.ports.settings(),
      now: shard.wallMs(),
      topicsMayDiffer: this.topicsMayDiffer,
    };
  }

  /** NONE: the records are accepted and replayed. Otherwise nothing changed. */
  private write(decision: Decision): ErrorCode {
    if (decision.records.length === 0) return ErrorCode.NONE;
    const { shard } = this.ports;
    const errorCode = shard.write(decision.records.map(encodeRecord));
    if (errorCode !== ErrorCode.NONE) return errorCode;
    this.lastWriteNumber = shard.lastWrite;
    this.updateTimers(decision);
    for (const rebalance of decision.rebalances) this.ports.rebalanced(rebalance);
    return ErrorCode.NONE;
  }

  /** The timers follow the assignments that the decision changed. */
  private updateTimers({ records }: Decision): void {
    for (const { name, key } of records) {
      if (name !== 'consumerGroupCurrentMemberAssignment') continue;
      const member = this.state.members.get(key.memberId);
      if (member === undefined) this.timers.remove(key.memberId);
      else if (member.state === MemberState.UNREVOKED_PARTITIONS) this.awaitRevocation(member);
      else this.timers.endRevocation(member.memberId);
    }
  }

  private extendSession(memberId: string): void {
    this.timers.extendSession(memberId, this.ports.settings().sessionTimeoutMs);
  }

  private awaitRevocation({ memberId, rebalanceTimeoutMs }: Member): void {
    this.timers.awaitRevocation(memberId, rebalanceTimeoutMs);
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

/** A member that knows nothing says everything. */
function isFullRequest(request: ConsumerGroupHeartbeatRequest): boolean {
  const { memberEpoch, rebalanceTimeoutMs, subscribedTopicNames, subscribedTopicRegex } = request;
  if (memberEpoch === JOIN_EPOCH) return true;
  const hasSubscription = subscribedTopicNames !== null || subscribedTopicRegex !== null;
  return rebalanceTimeoutMs !== -1 && hasSubscription && request.topicPartitions !== null;
}

function wireAssignment({ assigned }: Member): { topicId: Uuid; partitions: number[] }[] {
  return toWire(assigned).map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] }));
}
