/**
 * Members of a consumer group that use the classic protocol. The group serves each of these members
 * separately: a JoinGroup counts as a ConsumerGroupHeartbeat with all fields, the generation is the member's
 * epoch, and no member is the leader. A member learns from the answer to its Heartbeat that it must join
 * again, and gets its partitions from SyncGroup.
 */
import type { Millis } from '@millrace/base';
import { CONSUMER_PROTOCOL_TYPE, ErrorCode, type JoinGroupResponse } from '@millrace/protocol';
import type { HeartbeatCall, JoinCall, LeaveCall, SyncCall } from './classic-calls.ts';
import type { GroupCore } from './core.ts';
import type { Decision } from './decision.ts';
import { mayBecomeClassic } from './downgrade.ts';
import { decodeSubscription, encodeAssignment, knownPartitions } from './embedded.ts';
import type { GroupState } from './group-state.ts';
import { decideHeartbeat } from './heartbeat.ts';
import { type Member, MemberState, newMember, sortedNames } from './member.ts';
import { groupFull, replaceMember } from './membership.ts';
import { isRefusal } from './refusal.ts';
import { subscriptionHash } from './subscriptions.ts';

/**
 * From this version of JoinGroup on, a dynamic member must join again, with the id that its first join got.
 */
const MEMBER_ID_REQUIRED_VERSION = 4;
/** From this version on, the protocol name in the answer to JoinGroup can be null. */
const NULLABLE_PROTOCOL_NAME_VERSION = 7;
/** Up to this version LeaveGroup names one member. */
const SINGLE_LEAVE_VERSION = 2;

export class ClassicMembers {
  private readonly core: GroupCore;

  constructor(core: GroupCore) {
    this.core = core;
  }

  /** The caller has checked the session timeout. */
  join(call: JoinCall): void {
    const { core } = this;
    // The callback that waits for the commit does not keep the request, which can be large.
    const { version, reply } = call;
    const decided = this.decideJoin(call);
    const answer = typeof decided === 'number' ? joinError(version, decided) : decided;
    core.whenCommitted((errorCode) =>
      reply(errorCode === ErrorCode.NONE ? answer : joinError(version, errorCode)),
    );
  }

  sync(call: SyncCall): void {
    const { core } = this;
    const { reply } = call;
    const { protocolType, protocolName } = call.request;
    const member = this.syncingMember(call);
    const errorCode = typeof member === 'number' ? member : ErrorCode.NONE;
    const assignment =
      typeof member === 'number'
        ? NO_BYTES
        : encodeAssignment(member.assigned, firstProtocol(member)?.metadata, core.ports.shard.image());
    // The member has done its duty to send SyncGroup, even if the commit then takes too long and the answer
    // is an error.
    if (typeof member !== 'number') {
      core.timers.fulfil(member.memberId, 'sync');
      core.extendSession(member);
    }
    core.whenCommitted((failure) => {
      if (failure !== ErrorCode.NONE) {
        reply({ errorCode: failure, assignment: NO_BYTES });
        return;
      }
      reply(
        errorCode === ErrorCode.NONE ? { protocolType, protocolName, assignment } : { errorCode, assignment },
      );
    });
  }

  heartbeat({ request, reply }: HeartbeatCall): void {
    const { core } = this;
    const errorCode = this.checkHeartbeat(request.memberId, request.groupInstanceId, request.generationId);
    core.whenCommitted((failure) => reply({ errorCode: failure === ErrorCode.NONE ? errorCode : failure }));
  }

  /** Removes members of either protocol. An administrator may name a member by its instance id alone. */
  leave({ request, version, reply }: LeaveCall): void {
    const { core } = this;
    const isSingle = version <= SINGLE_LEAVE_VERSION;
    const leaving = isSingle
      ? [{ memberId: request.memberId, groupInstanceId: null }]
      : request.members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId }));
    const found = leaving.map(({ memberId, groupInstanceId }) =>
      memberId === '' && groupInstanceId !== null
        ? (core.state.staticMember(groupInstanceId) ?? ErrorCode.UNKNOWN_MEMBER_ID)
        : findMember(core.state, memberId, groupInstanceId),
    );
    const members = new Set(found.filter((member) => typeof member !== 'number'));
    const refused = core.remove([...members], 'member-left');
    const results = leaving.map((identity, index) => {
      const member = found[index]!;
      return { ...identity, errorCode: typeof member === 'number' ? member : ErrorCode.NONE };
    });
    core.whenCommitted((failure) => {
      const errorCode = refused === ErrorCode.NONE ? failure : refused;
      if (errorCode !== ErrorCode.NONE) reply({ errorCode });
      else if (isSingle) reply({ errorCode: results[0]!.errorCode });
      else reply({ errorCode, members: results });
    });
  }

  /** The member uses the consumer protocol now, so the group expects no join or sync from it. */
  leftProtocol(memberId: string): void {
    this.core.timers.fulfil(memberId, 'join');
    this.core.timers.fulfil(memberId, 'sync');
  }

  private decideJoin({ request, version, client }: JoinCall): Partial<JoinGroupResponse> | ErrorCode {
    const { core } = this;
    const { groupInstanceId, protocols } = request;
    const { settings, image } = core.circumstances();
    if (settings.migrationPolicy === 'disabled') return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
    const isUnknown = request.memberId === '';
    const memberId = isUnknown ? core.ports.newMemberId() : request.memberId;
    const full = groupFull(core.state, memberId, settings.maxSize);
    if (full !== undefined) return full.errorCode;
    if (!supportsAny(core.state, request.protocolType, protocols))
      return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
    if (isUnknown && groupInstanceId === null && version >= MEMBER_ID_REQUIRED_VERSION)
      return { errorCode: ErrorCode.MEMBER_ID_REQUIRED, memberId, protocolName: emptyName(version) };
    const subscription = decodeSubscription(protocols[0]!.metadata);
    if (subscription === undefined) return ErrorCode.UNKNOWN_SERVER_ERROR;
    const decision = core.decision();
    const before = joiningMember(decision, memberId, groupInstanceId, isUnknown);
    if (typeof before === 'number') return before;
    const told: Member = {
      ...before,
      instanceId: groupInstanceId ?? before.instanceId,
      rackId: subscription.rackId ?? before.rackId,
      clientId: client.clientId,
      clientHost: client.clientHost,
      subscribedTopicNames: sortedNames(subscription.topics),
      subscribedTopicRegex: '',
      rebalanceTimeoutMs: rebalanceTimeoutOf(request),
      classic: {
        sessionTimeoutMs: request.sessionTimeoutMs,
        // Copies the bytes: the request's bytes are valid only during the call.
        supportedProtocols: protocols.map(({ name, metadata }) => ({
          name,
          metadata: new Uint8Array(metadata),
        })),
      },
    };
    const owned = knownPartitions(subscription.ownedPartitions, image);
    const claim = { owned, missedAnswer: false };
    const member = decideHeartbeat(decision, before, told, claim, core.circumstances());
    if (isRefusal(member)) return member.errorCode;
    const errorCode = core.write(decision);
    // The timers start before the commit. If the commit is late, the join gets an error, but the group still
    // has the member.
    const known = core.state.members.get(memberId);
    if (known !== undefined) core.extendSession(known);
    if (errorCode !== ErrorCode.NONE) return errorCode;
    core.topicsMayDiffer = false;
    core.timers.fulfil(memberId, 'join');
    core.timers.expect(memberId, 'sync', told.rebalanceTimeoutMs);
    const answer = {
      errorCode,
      memberId,
      generationId: member.memberEpoch,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      protocolName: firstProtocol(told)!.name,
    };
    // The member may have taken the place of the last member of the consumer protocol.
    if (before.classic === null && mayBecomeClassic(core.state, [], settings, core.ports.classic))
      core.becomeClassic([]);
    return answer;
  }

  private syncingMember({ request }: SyncCall): Member | ErrorCode {
    const { core } = this;
    const member = classicMember(core.state, request.memberId, request.groupInstanceId);
    if (typeof member === 'number') return member;
    if (request.generationId !== member.memberEpoch) return ErrorCode.ILLEGAL_GENERATION;
    const isOfType = (request.protocolType ?? CONSUMER_PROTOCOL_TYPE) === CONSUMER_PROTOCOL_TYPE;
    const name = firstProtocol(member)?.name;
    if (!isOfType || (request.protocolName ?? name) !== name) return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
    const isBehind = core.state.assignmentEpoch > member.memberEpoch;
    if (!isBehind || member.state === MemberState.UNREVOKED_PARTITIONS) return member;
    this.expectJoin(member);
    return ErrorCode.REBALANCE_IN_PROGRESS;
  }

  private checkHeartbeat(memberId: string, instanceId: string | null, generation: number): ErrorCode {
    const { state } = this.core;
    const member = classicMember(state, memberId, instanceId);
    if (typeof member === 'number') return member;
    if (generation !== member.memberEpoch) return ErrorCode.ILLEGAL_GENERATION;
    this.core.extendSession(member);
    const mustJoin =
      member.memberEpoch < state.assignmentEpoch ||
      member.state === MemberState.UNREVOKED_PARTITIONS ||
      (member.state === MemberState.UNRELEASED_PARTITIONS && !waitsForOthers(state, member)) ||
      this.needsJoin();
    if (!mustJoin) return ErrorCode.NONE;
    this.expectJoin(member);
    return ErrorCode.REBALANCE_IN_PROGRESS;
  }

  /**
   * True if the target assignment is out of date, and only a JoinGroup can make the group compute a new one,
   * because all members use the classic protocol. In Kafka 4.3.1 such a group keeps the old target until a
   * member joins for another reason.
   */
  private needsJoin(): boolean {
    const { core } = this;
    const { state } = core;
    const isOld = state.groupEpoch > state.assignmentEpoch;
    if (!isOld && !core.topicsMayDiffer) return false;
    for (const { classic } of state.members.values()) if (classic === null) return false;
    if (isOld) return true;
    // A join would clear `topicsMayDiffer`. If the topics are the same, no join is needed, so this line
    // clears it.
    core.topicsMayDiffer = subscriptionHash(state, core.ports.shard.image()) !== state.metadataHash;
    return core.topicsMayDiffer;
  }

  private expectJoin({ memberId, rebalanceTimeoutMs }: Member): void {
    this.core.timers.expectStill(memberId, 'join', rebalanceTimeoutMs);
  }
}

const NO_BYTES = new Uint8Array(0);

/** Version 0 of JoinGroup has no rebalance timeout (-1): the session timeout replaces it. */
function rebalanceTimeoutOf({ rebalanceTimeoutMs, sessionTimeoutMs }: JoinCall['request']): Millis {
  return rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs;
}

type Protocols = JoinCall['request']['protocols'];

/** True if the list has a protocol that every classic member of the group supports. */
function supportsAny(state: GroupState, protocolType: string, protocols: Protocols): boolean {
  if (protocolType !== CONSUMER_PROTOCOL_TYPE || protocols.length === 0) return false;
  let common = protocols.map(({ name }) => name);
  for (const { classic } of state.members.values()) {
    if (classic === null) continue;
    const supported = new Set(classic.supportedProtocols.map(({ name }) => name));
    common = common.filter((name) => supported.has(name));
  }
  return common.length > 0;
}

function joiningMember(
  decision: Decision,
  memberId: string,
  instanceId: string | null,
  isUnknown: boolean,
): Member | ErrorCode {
  const { state } = decision;
  const known = state.members.get(memberId) ?? newMember(memberId);
  if (instanceId === null) return known;
  const present = state.staticMember(instanceId);
  if (isUnknown) return present === undefined ? known : replaceMember(decision, present, memberId);
  if (present === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
  return present.memberId === memberId ? present : ErrorCode.FENCED_INSTANCE_ID;
}

function classicMember(state: GroupState, memberId: string, instanceId: string | null): Member | ErrorCode {
  const member = findMember(state, memberId, instanceId);
  if (typeof member === 'number') return member;
  return member.classic === null ? ErrorCode.UNKNOWN_MEMBER_ID : member;
}

function findMember(state: GroupState, memberId: string, instanceId: string | null): Member | ErrorCode {
  if (instanceId === null) return state.members.get(memberId) ?? ErrorCode.UNKNOWN_MEMBER_ID;
  const member = state.staticMember(instanceId);
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
  return member.memberId === memberId ? member : ErrorCode.FENCED_INSTANCE_ID;
}

/** True if other members still hold partitions of the member's target. */
function waitsForOthers(state: GroupState, { memberId, assigned }: Member): boolean {
  for (const [topic, partitions] of state.target(memberId))
    for (const partition of partitions)
      if (
        assigned.get(topic)?.has(partition) !== true &&
        state.holders.holder(topic, partition) !== undefined
      )
        return true;
  return false;
}

function firstProtocol({ classic }: Member) {
  return classic?.supportedProtocols[0];
}

function joinError(version: number, errorCode: ErrorCode): Partial<JoinGroupResponse> {
  return { errorCode, memberId: '', protocolName: emptyName(version) };
}

function emptyName(version: number): string | null {
  return version >= NULLABLE_PROTOCOL_NAME_VERSION ? null : '';
}
