/** JoinGroup: decides who may join, and what a join changes in the group. */
import { ErrorCode, type JoinGroupRequest } from '@millrace/protocol';
import { type JoinCall, joinError } from './calls.ts';
import type { Core } from './core.ts';
import { type Joining, type Member, NO_ASSIGNMENT } from './member.ts';
import { newMemberId } from './member-id.ts';
import type { Members } from './members.ts';
import type { Rebalance } from './rebalance.ts';
import { emptyGroup } from './record.ts';
import type { Replacement } from './replacement.ts';

/** From this version on a client must join with a member id that it got from the group (KIP-394). */
const MEMBER_ID_REQUIRED_VERSION = 4;

/**
 * Limit for the metadata of all members of a group together, in bytes. The answer to the leader and the
 * record of the group each contain the metadata of all members for one protocol.
 */
const METADATA_BYTES_MAX = 64 << 20;

export class Join {
  private readonly core: Core;
  private readonly rebalance: Rebalance;
  private readonly replacement: Replacement;

  constructor(core: Core, rebalance: Rebalance, replacement: Replacement) {
    this.core = core;
    this.rebalance = rebalance;
    this.replacement = replacement;
  }

  join(call: JoinCall): void {
    const { request } = call;
    if (this.core.state === 'Dead') this.refuse(call, ErrorCode.COORDINATOR_NOT_AVAILABLE, request.memberId);
    else if (!this.hasRoom(request)) this.turnAway(call);
    else if (!this.fits(request)) this.refuse(call, ErrorCode.GROUP_MAX_SIZE_REACHED, request.memberId);
    else if (!this.supports(request))
      this.refuse(call, ErrorCode.INCONSISTENT_GROUP_PROTOCOL, request.memberId);
    else if (request.memberId !== '') this.joinWithId(call);
    else this.joinWithoutId(call);
  }

  private refuse(call: JoinCall, errorCode: ErrorCode, memberId: string): void {
    this.core.answerJoin(call, joinError(call.version, errorCode, memberId));
  }

  /**
   * During the join phase of a rebalance only the members that have already joined again count. So if
   * `group.max.size` was lowered, the group refuses the members that join last.
   */
  private hasRoom(request: JoinGroupRequest): boolean {
    const { state, members, config } = this.core;
    const member = this.memberOf(request);
    if (state === 'Empty') return true;
    if (state === 'PreparingRebalance')
      return member?.parkedJoin !== undefined || members.joined < config.maxSize;
    return member !== undefined || members.size < config.maxSize;
  }

  private fits(request: JoinGroupRequest): boolean {
    const { members } = this.core;
    return members.metadataBytesWith(request.protocols, this.memberOf(request)) <= METADATA_BYTES_MAX;
  }

  /** The member that the request names, or the static member that the request would replace. */
  private memberOf({ memberId, groupInstanceId }: JoinGroupRequest): Member | undefined {
    const { members } = this.core;
    if (memberId !== '') return members.get(memberId);
    return groupInstanceId === null ? undefined : members.withInstance(groupInstanceId);
  }

  private turnAway(call: JoinCall): void {
    const { members } = this.core;
    const member = members.get(call.request.memberId);
    if (member !== undefined) this.rebalance.remove(member, 'group-too-large', {});
    this.forgetPending(call.request.memberId);
    this.refuse(call, ErrorCode.GROUP_MAX_SIZE_REACHED, '');
    this.rebalance.completeIfAllJoined();
  }

  private supports({ protocolType, protocols }: JoinGroupRequest): boolean {
    const { core } = this;
    if (core.state === 'Empty') return protocolType !== '' && protocols.length > 0;
    return protocolType === core.protocolType && core.members.support(protocols);
  }

  private joinWithoutId(call: JoinCall): void {
    const { core } = this;
    const { groupInstanceId } = call.request;
    const errorCode = this.recordGroup();
    if (errorCode !== ErrorCode.NONE) {
      this.refuse(call, errorCode, '');
      return;
    }
    const memberId = newMemberId(groupInstanceId ?? call.client.clientId, core.random);
    if (groupInstanceId === null) {
      if (call.version >= MEMBER_ID_REQUIRED_VERSION) this.requireMemberId(call, memberId);
      else this.add(call, memberId);
      return;
    }
    const holder = core.members.withInstance(groupInstanceId);
    if (holder === undefined) this.add(call, memberId);
    else this.replacement.replace(call, holder, memberId, joining(call, core.members));
  }

  /**
   * As in Kafka, a new group has a record before it has a generation. Returns NONE if the group has one
   * already.
   */
  private recordGroup(): ErrorCode {
    const { core } = this;
    if (core.isRecorded) return ErrorCode.NONE;
    return core.write(emptyGroup('', 0, core.changedAtMs));
  }

  private requireMemberId(call: JoinCall, memberId: string): void {
    const { core, rebalance } = this;
    const { pending } = core.members;
    const expiry = core.alarm(() => rebalance.pendingExpired(memberId));
    expiry.set(call.request.sessionTimeoutMs);
    pending.set(memberId, expiry);
    if (pending.size > core.config.maxPendingMembers) this.forgetPending(pending.keys().next().value!);
    this.refuse(call, ErrorCode.MEMBER_ID_REQUIRED, memberId);
  }

  private forgetPending(memberId: string): void {
    const { pending } = this.core.members;
    pending.get(memberId)?.clear();
    pending.delete(memberId);
  }

  private add(call: JoinCall, memberId: string): void {
    const { core, rebalance } = this;
    const { request } = call;
    const member = core.newMember({
      ...joining(call, core.members),
      memberId,
      groupInstanceId: request.groupInstanceId,
      client: call.client,
      assignment: NO_ASSIGNMENT,
    });
    // Only the first member of an empty group can change the protocol type here. For a group with members,
    // `supports` has refused every other type.
    core.protocolType = request.protocolType;
    rebalance.newcomer();
    core.members.add(member);
    this.forgetPending(memberId);
    // A member has no session while its join is parked, and a broken link can hide that the client is gone.
    // So the first join has a time limit, as in Kafka.
    member.awaitFirstJoin(core.config.newMemberJoinTimeoutMs);
    core.parkJoin(member, call);
    rebalance.memberJoined('member-joined', member, request.reason);
  }

  private joinWithId(call: JoinCall): void {
    const { core } = this;
    const { memberId, groupInstanceId } = call.request;
    if (core.members.pending.has(memberId) && groupInstanceId === null) {
      this.add(call, memberId);
      return;
    }
    const errorCode = core.members.check(memberId, groupInstanceId);
    if (errorCode === ErrorCode.NONE) this.joinAgain(call, core.members.get(memberId)!);
    else this.refuse(call, errorCode, memberId);
  }

  private joinAgain(call: JoinCall, member: Member): void {
    const { core, rebalance } = this;
    const told = joining(call, core.members);
    const cause = this.causeOf(member, told);
    if (cause === undefined) {
      member.restartSession();
      core.answerJoin(call, rebalance.joined(member));
      return;
    }
    core.members.update(member, told);
    core.parkJoin(member, call);
    rebalance.memberJoined(cause, member, call.request.reason);
  }

  /**
   * Why a repeated join of a member needs a rebalance. Undefined if it needs none, for example because the
   * client only missed the answer to its last join. If the leader of a stable group joins, a rebalance is
   * always needed: a leader joins again when something has changed that its metadata does not show, for
   * example the partitions of a topic.
   */
  private causeOf(member: Member, told: Joining): 'metadata-changed' | 'leader-rejoined' | undefined {
    const { state, members } = this.core;
    if (state === 'Stable' && members.isLeader(member)) return 'leader-rejoined';
    if (state === 'PreparingRebalance' || !member.supportsExactly(told.protocols)) return 'metadata-changed';
    return undefined;
  }
}

/** Copies the bytes of the protocols, because the bytes of a request are valid only during the call. */
function joining({ request, version }: JoinCall, members: Members): Joining {
  const { sessionTimeoutMs, rebalanceTimeoutMs } = request;
  return {
    sessionTimeoutMs,
    rebalanceTimeoutMs: version === 0 || rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    protocols: members.copyOf(request.protocols),
  };
}
