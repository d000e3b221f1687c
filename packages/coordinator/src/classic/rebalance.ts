/**
 * The rebalance of a classic group. In the join phase the group waits until its members have joined again, or
 * until the rebalance timeout. Then a new generation begins, and the group waits for the leader's
 * assignments. This file also removes members that do not join in time, and makes the answers to joins,
 * because the end of the join phase answers all parked joins.
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
   * True if the group was empty when the join phase began. Then the group waits for the whole initial delay,
   * because more members may come, even if all known members have joined.
   */
  private isInitial = false;
  /** A member joined since the initial delay began or was extended. */
  private hasNewcomer = false;
  /** The time by which the group may still extend the initial delay. */
  private extensionMs: Millis = 0;
  private begunAtMs: Millis = 0;

  constructor(core: Core) {
    this.core = core;
    this.joinAlarm = core.alarm(() => this.joinTimedOut());
    this.syncAlarm = core.alarm(() => this.syncTimedOut());
  }

  /**
   * Call it after a member's join is parked. If no join phase runs, begins a rebalance. If one runs and all
   * members have joined, completes the join phase.
   */
  memberJoined(cause: RebalanceCause, member: Member, reason: string | null): void {
    if (this.core.state === 'PreparingRebalance') this.completeIfAllJoined();
    else this.begin(cause, member, { reason });
  }

  /** Call it when a member joins that the group did not know, before the member is added. */
  newcomer(): void {
    if (this.core.state === 'PreparingRebalance' && this.isInitial) this.hasNewcomer = true;
  }

  /**
   * Call it after the group removed members. If no join phase runs, begins a rebalance. If one runs and all
   * remaining members have joined, completes the join phase.
   */
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

  /** Nobody joined with a pending member id within the session timeout. */
  pendingExpired(memberId: string): void {
    this.core.members.pending.delete(memberId);
    this.completeIfAllJoined();
  }

  /** Call it when a member has sent SyncGroup. */
  synced(member: Member): void {
    const { unsynced } = this.core.members;
    unsynced.delete(member);
    if (unsynced.size === 0) this.syncAlarm.clear();
  }

  /** Call it when the group has replayed the leader's assignments. */
  stabilized(): void {
    this.core.events.stabilized(this.generationEvent());
  }

  /**
   * Answers the parked SyncGroups with an error, and removes all members' assignments, which are those of the
   * earlier generation.
   */
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
    // Only static members are left, and none of them has joined. So the join phase lasts another rebalance
    // timeout.
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
