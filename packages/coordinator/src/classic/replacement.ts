/** A static member comes back without its member id: the group gives it a new id and fences the old one. */
import { ErrorCode } from '@millrace/protocol';
import { type JoinAnswer, type JoinCall, joinError } from './calls.ts';
import type { Core } from './core.ts';
import type { Joining, Member, MemberFacts } from './member.ts';
import { chooseProtocol } from './members.ts';
import type { Rebalance } from './rebalance.ts';
import { memberValue } from './record.ts';

/**
 * From this version of JoinGroup on, the answer can tell a leader that it must not compute assignments
 * (KIP-814).
 */
const SKIP_ASSIGNMENT_VERSION = 9;

export class Replacement {
  private readonly core: Core;
  private readonly rebalance: Rebalance;

  constructor(core: Core, rebalance: Rebalance) {
    this.core = core;
    this.rebalance = rebalance;
  }

  replace(call: JoinCall, old: Member, memberId: string, told: Joining): void {
    const { core, rebalance } = this;
    const next: MemberFacts = {
      ...told,
      memberId,
      groupInstanceId: old.groupInstanceId,
      client: call.client,
      assignment: old.assignment,
    };
    if (core.state === 'Stable' && this.keepsProtocol(old, next)) this.replaceInRecord(call, old, next);
    else {
      const errorCode = this.recordDuringRebalance(old, next);
      // UNKNOWN_SERVER_ERROR: the log never accepts a record of this size, so the change is only in memory.
      if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.UNKNOWN_SERVER_ERROR) {
        core.answerJoin(call, joinError(call.version, errorCode));
        return;
      }
      // In CompletingRebalance the leader may assign to the old id, so the group needs another join phase.
      this.fence(old);
      const member = core.newMember(next);
      core.members.replace(old, member);
      core.parkJoin(member, call);
      rebalance.memberJoined('static-member-replaced', member, call.request.reason);
    }
  }

  private keepsProtocol(old: Member, next: MemberFacts): boolean {
    const { members, protocolName } = this.core;
    const protocols = Array.from(members, (member) => (member === old ? next : member).protocols);
    return chooseProtocol(protocols) === protocolName;
  }

  /**
   * Replaces the member without a rebalance: the member keeps its assignment, and the other members notice
   * nothing.
   */
  private replaceInRecord(call: JoinCall, old: Member, next: MemberFacts): void {
    const { core } = this;
    const { members } = core;
    const leaderBefore = members.leaderId ?? '';
    const failed = (errorCode: ErrorCode): JoinAnswer => ({
      ...joinError(call.version, errorCode),
      generationId: core.generation,
      protocolType: core.protocolType,
      protocolName: core.protocolName ?? '',
      leader: leaderBefore,
    });
    const errorCode = core.write({
      ...core.value(),
      leader: members.isLeader(old) ? next.memberId : members.leaderId,
      members: Array.from(members, (member) =>
        memberValue(member === old ? next : member, core.protocolName),
      ),
    });
    if (errorCode !== ErrorCode.NONE) {
      core.answer(call.reply, failed(errorCode), failed);
      return;
    }
    this.fence(old);
    const member = members.get(next.memberId)!;
    members.update(member, next);
    member.restartSession();
    core.answer(call.reply, this.answer(call, member, leaderBefore), failed);
  }

  /**
   * The new id must outlive the coordinator. Otherwise the next coordinator knows only the old id, and fences
   * the new process for good (FENCED_INSTANCE_ID), as Kafka 4.3.1 does. The record has no members that have
   * never been in a generation: no coordinator must wait for them. Without a generation no record has the old
   * id.
   */
  private recordDuringRebalance(old: Member, next: MemberFacts): ErrorCode {
    const { core } = this;
    if (old.isNew || core.protocolName === null) return ErrorCode.NONE;
    const members = Array.from(core.members)
      .filter((member) => !member.isNew)
      .map((member) => (member === old ? next : member));
    const protocol = protocolOf(members, core.protocolName);
    const values = members.map((member) => memberValue(member, protocol));
    return core.writeUnled({ ...core.value(), protocol, members: values });
  }

  private answer(call: JoinCall, member: Member, leaderBefore: string): JoinAnswer {
    const { members } = this.core;
    const answer = this.rebalance.joined(member);
    // An older client computes assignments if it gets a list of members. So it gets the old leader's member
    // id, and no list.
    if (call.version < SKIP_ASSIGNMENT_VERSION) return { ...answer, leader: leaderBefore, members: [] };
    return { ...answer, skipAssignment: members.isLeader(member) };
  }

  private fence(old: Member): void {
    this.core.refuseParked(old, ErrorCode.FENCED_INSTANCE_ID, old.memberId);
    old.endSession();
  }
}

/**
 * The protocol of the group, if each member still supports it; otherwise a protocol that each of them
 * supports. The record keeps only one protocol of each member. So after a load the group would refuse a
 * process that does not support this protocol, and the leader could not decode the member's empty metadata.
 */
function protocolOf(members: readonly MemberFacts[], present: string): string {
  const isSupported = members.every(({ protocols }) => protocols.some(({ name }) => name === present));
  return isSupported ? present : chooseProtocol(members.map(({ protocols }) => protocols));
}
