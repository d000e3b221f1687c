/** LeaveGroup: members leave, or an administrator removes them. */
import { ErrorCode } from '@millrace/protocol';
import { type LeaveCall, type LeavingMember, leaveAnswer } from './calls.ts';
import type { Core } from './core.ts';
import type { Member } from './member.ts';
import type { Rebalance } from './rebalance.ts';

export class Leave {
  private readonly core: Core;
  private readonly rebalance: Rebalance;

  constructor(core: Core, rebalance: Rebalance) {
    this.core = core;
    this.rebalance = rebalance;
  }

  leave(call: LeaveCall): void {
    const { core, rebalance } = this;
    const failed = (errorCode: ErrorCode) => ({ errorCode });
    if (core.state === 'Dead') {
      core.answer(call.reply, failed(ErrorCode.COORDINATOR_NOT_AVAILABLE), failed);
      return;
    }
    let first: { member: Member; reason: string | null } | undefined;
    const answer = leaveAnswer(call, (leaving) => {
      if (this.leavePending(leaving)) return ErrorCode.NONE;
      const found = this.find(leaving);
      if (typeof found === 'number') return found;
      const { reason } = leaving;
      rebalance.remove(found, 'member-left', { reason });
      first ??= { member: found, reason };
      return ErrorCode.NONE;
    });
    // All members that leave with one request cause one rebalance together.
    if (first === undefined) rebalance.completeIfAllJoined();
    else rebalance.membersLeft('member-left', first.member, { reason: first.reason });
    core.answer(call.reply, answer, failed);
  }

  private leavePending({ memberId }: LeavingMember): boolean {
    const { pending } = this.core.members;
    pending.get(memberId)?.clear();
    return pending.delete(memberId);
  }

  /**
   * Finds the member. If the member id is empty, the instance id alone names the member: an administrator
   * removes static members in this way.
   */
  private find({ memberId, groupInstanceId }: LeavingMember): Member | ErrorCode {
    const { members } = this.core;
    if (memberId === '')
      return (
        (groupInstanceId === null ? undefined : members.withInstance(groupInstanceId)) ??
        ErrorCode.UNKNOWN_MEMBER_ID
      );
    const errorCode = members.check(memberId, groupInstanceId);
    return errorCode === ErrorCode.NONE ? members.get(memberId)! : errorCode;
  }
}
