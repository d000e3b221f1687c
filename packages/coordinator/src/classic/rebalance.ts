/**
 * The rebalance of a group: who begins one, how long the group waits for joins and for the leader's
 * assignments, and what happens to members that do not join again. This file also makes the answers to joins,
 * because the end of the join phase answers all of them.
 */
import type { Millis } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { Alarm } from '../runtime/alarm.ts';
import type { JoinAnswer } from './calls.ts';
import { type Core, eventMember } from './core.ts';
import type { EventMember, RebalanceCause, RemovalCause } from './events.ts';
import { type Member, NO_ASSIGNMENT } from './member.ts';
import { chooseProtocol } from './members.ts';
import { emptyGroup } from './record.ts';

/** If the log refuses the record of the empty group, the group tries again after this time. */
const EMPTY_RETRY_MS = 1000;
const NOBODY: EventMember = { memberId: '', clientId: '', clientHost: '' };

export interface CauseDetails {
  readonly reason?: string | null | undefined;
  readonly afterMs?: Millis;
}

export class Rebalance {
  private readonly core: Core;
  private readonly joinAlarm: Alarm;
  private readonly syncAlarm: Alarm;
  /**
   * The group was empty when the join phase began: it waits for more members even if all known ones joined.
   */
  private isInitial = false;
  /** A member joined since the initial delay began or was extended. */
  private hasNewcomer = false;
  /** By how much the initial delay can still be extended. */
  private extensionMs: Millis = 0;
  private begunAtMs: Millis = 0;

  constructor(core: Core) {
    this.core = core;
    this.joinAlarm = core.alarm(() => this.joinTimedOut());
    this.syncAlarm = core.alarm(() => this.syncTimedOut());
  }

  /** A member joined: begins a rebalance, or completes the join phase if all have joined. */
  memberJoined(cause: RebalanceCause, member: Member, reason: string | null): void {
    if (this.core.state === 'PreparingRebalance') this.completeIfAllJoined();
    else this.begin(cause, member, { reason });
  }

  /** A member that the group did not know has joined. Called before the member is added. */
  newcomer(): void {
    if (this.core.state === 'PreparingRebalance' && this.isInitial) this.hasNewcomer = true;
  }

  /** The group removed members. */
  membersLeft(cause: RebalanceCause, member: Member, details: CauseDetails): void {
    const { state } = this.core;
    if (state === 'Stable' || state === 'CompletingRebalance') this.begin(cause, member, details);
    else this.completeIfAllJoined();
  }

  begin(cause: RebalanceCause, member: Member | undefined, details: CauseDetails = {}): void {
    const { core } = this;
    const { members } = core;
    if (core.state === 'CompletingRebalance') this.refuseSyncs(ErrorCode.REBALANCE_IN_PROGRESS);
    members.unsynced.clear();
    this.syncAlarm.clear();
    core.events.rebalanced({
      generation: core.generation,
      cause,
      ...(member === undefined ? NOBODY : eventMember(member)),
      ...given(details),
    });
    this.begunAtMs = core.port.now();
    this.isInitial = core.state === 'Empty';
    core.moveTo('PreparingRebalance');
    if (this.isInitial) {
      const { initialRebalanceDelayMs } = core.config;
      this.hasNewcomer = false;
      this.extensionMs = Math.max(members.rebalanceTimeoutMs - initialRebalanceDelayMs, 0);
      this.joinAlarm.set(initialRebalanceDelayMs);
    } else if (members.haveAllJoined) this.complete();
    else this.joinAlarm.set(members.rebalanceTimeoutMs);
  }

  completeIfAllJoined(): void {
    const { state, members } = this.core;
    if (state === 'PreparingRebalance' && !this.isInitial && members.haveAllJoined) this.complete();
  }

  /** Removes a member. The caller then begins or continues a rebalance. */
  remove(member: Member, cause: RemovalCause, details: CauseDetails): void {
    const { core } = this;
    core.remove(member);
    core.events.memberRemoved({
      generation: core.generation,
      cause,
      ...eventMember(member),
      ...given(details),
    });
  }

  sessionExpired(member: Member): void {
    const afterMs = member.expiresAfterMs;
    this.remove(member, 'session-expired', { afterMs });
    this.membersLeft('session-expired', member, { afterMs });
  }

  /** A pending member did not join within its session timeout. */
  pendingExpired(memberId: string): void {
    this.core.members.pending.delete(memberId);
    this.completeIfAllJoined();
  }

  /** A member sent SyncGroup. */
  synced(member: Member): void {
    const { unsynced } = this.core.members;
    unsynced.delete(member);
    if (unsynced.size === 0) this.syncAlarm.clear();
  }

  /** The leader's assignments are replayed. */
  stabilized(): void {
    this.core.events.stabilized(this.generationEvent());
  }

  /** Answers the parked SyncGroups with an error, and forgets the assignments of the earlier generation. */
  refuseSyncs(errorCode: ErrorCode): void {
    for (const member of this.core.members) {
      member.assignment = NO_ASSIGNMENT;
      const wasParked = member.parkedSync !== undefined;
      this.core.refuseSync(member, errorCode);
      if (wasParked) member.restartSession();
    }
  }

  /** The answer to a join for the present generation. Only the leader gets the members. */
  joined(member: Member): JoinAnswer {
    const { core } = this;
    return {
      errorCode: ErrorCode.NONE,
      generationId: core.generation,
      protocolType: core.protocolType,
      protocolName: core.protocolName ?? '',
      leader: core.members.leaderId ?? '',
      skipAssignment: false,
      memberId: member.memberId,
      members: core.members.isLeader(member) ? this.joinedMembers() : [],
    };
  }

  joinedMembers(): NonNullable<JoinAnswer['members']> {
    const { members, protocolName } = this.core;
    return Array.from(members, (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      metadata: member.metadata(protocolName) ?? NO_ASSIGNMENT,
    }));
  }

  stop(): void {
    this.joinAlarm.clear();
    this.syncAlarm.clear();
  }

  private joinTimedOut(): void {
    if (this.isInitial && this.hasNewcomer && this.extensionMs > 0) {
      const { initialRebalanceDelayMs } = this.core.config;
      const delayMs = Math.min(initialRebalanceDelayMs, this.extensionMs);
      this.extensionMs = Math.max(this.extensionMs - initialRebalanceDelayMs, 0);
      this.hasNewcomer = false;
      this.joinAlarm.set(delayMs);
    } else this.complete();
  }

  /**
   * Removes the dynamic members that have not joined; static members stay. Then ends the join phase if a
   * member has joined, or if no member is left.
   */
  private complete(): void {
    const { core } = this;
    const { members } = core;
    this.joinAlarm.clear();
    const afterMs = core.port.now() - this.begunAtMs;
    for (const member of [...members])
      if (member.parkedJoin === undefined && !member.isStatic)
        this.remove(member, 'rebalance-timeout', { afterMs });
    if (members.size === 0) this.becomeEmpty();
    else if (members.electLeader()) this.beginGeneration();
    // Only static members are left, and none has joined: waits for another rebalance timeout.
    else this.joinAlarm.set(members.rebalanceTimeoutMs);
  }

  private becomeEmpty(): void {
    const { core } = this;
    const value = emptyGroup(core.protocolType ?? '', core.generation + 1, core.port.wallMs());
    // While the log refuses the record, the group stays in the join phase without members.
    if (core.write(value) !== ErrorCode.NONE) this.joinAlarm.set(EMPTY_RETRY_MS);
    else core.events.generationBegan(this.generationEvent());
  }

  private beginGeneration(): void {
    const { core } = this;
    const { members } = core;
    core.generation++;
    core.protocolName = chooseProtocol(Array.from(members, ({ protocols }) => protocols));
    core.topics = core.topicsOfGeneration();
    core.moveTo('CompletingRebalance');
    core.events.generationBegan(this.generationEvent());
    for (const member of members) {
      members.unsynced.add(member);
      const call = members.takeJoin(member);
      member.isNew = false;
      member.restartSession();
      if (call !== undefined) core.answerJoin(call, this.joined(member));
    }
    this.syncAlarm.set(members.rebalanceTimeoutMs);
  }

  private syncTimedOut(): void {
    const [first, ...others] = this.core.members.unsynced;
    if (first === undefined) return;
    const afterMs = this.core.members.rebalanceTimeoutMs;
    for (const member of [first, ...others]) this.remove(member, 'sync-timeout', { afterMs });
    this.membersLeft('sync-timeout', first, { afterMs });
  }

  private generationEvent() {
    const { core } = this;
    return {
      generation: core.generation,
      members: core.members.size,
      protocolName: core.protocolName,
      leaderId: core.members.leaderId,
      afterMs: core.port.now() - this.begunAtMs,
    };
  }
}

function given({ reason, afterMs }: CauseDetails): { reason?: string; afterMs?: Millis } {
  return {
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(afterMs === undefined ? {} : { afterMs }),
  };
}
