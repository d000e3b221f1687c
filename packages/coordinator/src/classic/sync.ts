/** SyncGroup: the leader sends the assignments of all members, and each member gets its own assignment. */
import { ErrorCode } from '@millrace/protocol';
import { type ParkedSync, type SyncCall, syncError } from './calls.ts';
import type { Core } from './core.ts';
import { type Member, NO_ASSIGNMENT } from './member.ts';
import type { Rebalance } from './rebalance.ts';
import { memberValue } from './record.ts';

export class Sync {
  private readonly core: Core;
  private readonly rebalance: Rebalance;

  constructor(core: Core, rebalance: Rebalance) {
    this.core = core;
    this.rebalance = rebalance;
  }

  sync(call: SyncCall): void {
    const { core } = this;
    const errorCode = this.check(call);
    if (errorCode !== ErrorCode.NONE) {
      core.answer(call.reply, syncError(errorCode), syncError);
      return;
    }
    const member = core.members.get(call.request.memberId)!;
    if (core.state === 'CompletingRebalance' && core.members.isLeader(member)) this.store(call, member);
    else {
      this.rebalance.synced(member);
      if (core.state === 'CompletingRebalance') core.parkSync(member, call);
      else this.assign(call, member);
    }
  }

  private check(call: SyncCall): ErrorCode {
    const { core } = this;
    const { memberId, groupInstanceId, generationId, protocolType, protocolName } = call.request;
    if (core.state === 'Dead') return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    const errorCode = core.members.check(memberId, groupInstanceId);
    if (errorCode !== ErrorCode.NONE) return errorCode;
    if (generationId !== core.generation) return ErrorCode.ILLEGAL_GENERATION;
    if (differ(protocolType, core.protocolType) || differ(protocolName, core.protocolName))
      return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
    return core.state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE;
  }

  private store(call: SyncCall, leader: Member): void {
    const { core, rebalance } = this;
    const assignments = new Map(call.request.assignments.map((entry) => [entry.memberId, entry.assignment]));
    const errorCode = core.write({
      ...core.value(),
      members: Array.from(core.members, (member) => ({
        ...memberValue(member, core.protocolName),
        assignment: assignments.get(member.memberId) ?? NO_ASSIGNMENT,
      })),
    });
    leader.restartSession();
    if (errorCode === ErrorCode.NONE) {
      rebalance.stabilized();
      rebalance.synced(leader);
      this.assign(call, leader);
      this.assignParked();
      return;
    }
    core.answer(call.reply, syncError(errorCode), syncError);
    // UNKNOWN_SERVER_ERROR: the assignments are too large for the log, so a retry cannot succeed. After any
    // other error nothing has changed, and the leader can retry.
    if (errorCode !== ErrorCode.UNKNOWN_SERVER_ERROR) return;
    rebalance.refuseSyncs(errorCode);
    rebalance.begin('assignment-not-stored', leader);
  }

  private assignParked(): void {
    for (const member of this.core.members) {
      const call = member.parkedSync;
      if (call === undefined) continue;
      member.parkedSync = undefined;
      this.assign(call, member);
    }
  }

  private assign(call: ParkedSync, member: Member): void {
    const { core } = this;
    member.restartSession();
    const answer = {
      errorCode: ErrorCode.NONE,
      protocolType: core.protocolType,
      protocolName: core.protocolName,
      assignment: member.assignment,
    };
    core.answer(call.reply, answer, syncError);
  }
}

/**
 * True if the request names another value than the group has. `asked` is null in versions before 5, which do
 * not have this field.
 */
function differ(asked: string | null, own: string | null): boolean {
  return asked !== null && own !== null && asked !== own;
}
