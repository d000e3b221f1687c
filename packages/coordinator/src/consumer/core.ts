/**
 * The code and state that the parts of a consumer group share: the durable state, the writing of decisions,
 * the timers, and the removal of members.
 */
import type { Millis } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { CoordinatorRecord, WriteNumber } from '../runtime/machine.ts';
import { Decision, type FirstRecords } from './decision.ts';
import { classicRecords, mayBecomeClassic } from './downgrade.ts';
import { encodeRecord, memberTombstones, regexRecord } from './group-records.ts';
import { GroupState } from './group-state.ts';
import type { Circumstances } from './heartbeat.ts';
import { type Member, mustRevoke, regexOf } from './member.ts';
import type { ConsumerGroupPorts, ConsumerGroupSettings, RebalanceCause } from './ports.ts';
import { MemberTimers } from './timers.ts';

/** If the shard refuses the records that remove a member, the group tries again after this time. */
const RETRY_MS: Millis = 500;

/** The records with which a consumer group takes the place of a classic group. */
export interface Upgrade extends FirstRecords {
  /** The tombstone that removes the classic group. */
  readonly tombstone: CoordinatorRecord;
}

export class GroupCore {
  readonly groupId: string;
  readonly ports: ConsumerGroupPorts;
  readonly state = new GroupState();
  readonly timers: MemberTimers;
  lastWrite: WriteNumber = 0;
  /**
   * True if subscribed topics may have changed since the group epoch was set, for example before the group
   * was loaded.
   */
  topicsMayDiffer = true;
  /**
   * Only for a group that takes the place of a classic group: set until the shard accepts the group's first
   * decision.
   */
  private upgrade: Upgrade | undefined;

  constructor(groupId: string, ports: ConsumerGroupPorts) {
    this.groupId = groupId;
    this.ports = ports;
    this.timers = new MemberTimers(
      ports.shard,
      (memberId) => {
        const member = this.state.members.get(memberId);
        if (member === undefined) return;
        const errorCode = this.remove([member], 'session-expired', this.sessionTimeoutMs(member));
        if (errorCode !== ErrorCode.NONE) this.timers.extendSession(memberId, RETRY_MS);
      },
      (memberId, duty) => {
        const member = this.state.members.get(memberId);
        if (member === undefined) return;
        const errorCode = this.remove([member], 'rebalance-timeout', member.rebalanceTimeoutMs);
        if (errorCode !== ErrorCode.NONE) this.timers.expect(memberId, duty, RETRY_MS);
      },
    );
  }

  get settings(): ConsumerGroupSettings {
    return this.ports.settings();
  }

  /**
   * The next decision begins with these records. If the shard refuses the decision, the classic group stays.
   */
  beginWith(upgrade: Upgrade): void {
    this.upgrade = upgrade;
  }

  decision(): Decision {
    if (this.upgrade === undefined) return new Decision(this.groupId, this.state);
    const upgraded = new GroupState();
    for (const record of this.upgrade.records) upgraded.replay(record);
    return new Decision(this.groupId, upgraded, this.upgrade);
  }

  circumstances(): Circumstances {
    const { shard } = this.ports;
    const { settings, topicsMayDiffer } = this;
    return { image: shard.image(), settings, now: shard.wallMs(), topicsMayDiffer };
  }

  /**
   * Writes the decision. Returns NONE if the shard accepted and replayed the records; otherwise nothing
   * changed.
   */
  write(decision: Decision): ErrorCode {
    if (decision.records.length === 0) return ErrorCode.NONE;
    const { shard } = this.ports;
    const records = decision.records.map(encodeRecord);
    if (this.upgrade !== undefined) records.unshift(this.upgrade.tombstone);
    const errorCode = shard.write(records);
    if (errorCode !== ErrorCode.NONE) return errorCode;
    this.upgrade = undefined;
    this.lastWrite = shard.lastWrite;
    this.updateTimers(decision);
    for (const rebalance of decision.rebalances) this.ports.rebalanced(rebalance);
    return ErrorCode.NONE;
  }

  /**
   * Calls `done` when the group's last decision is committed, so that no answer reveals a change that could
   * still be lost.
   */
  whenCommitted(done: (errorCode: ErrorCode) => void): void {
    this.ports.shard.whenCommitted(this.lastWrite, done);
  }

  extendSession(member: Member): void {
    this.timers.extendSession(member.memberId, this.sessionTimeoutMs(member));
  }

  /** Sets the deadline of a member of the consumer protocol that must give up partitions. */
  expectRevocation({ memberId, rebalanceTimeoutMs }: Member): void {
    this.timers.expect(memberId, 'revoke', rebalanceTimeoutMs);
  }

  /**
   * Removes the members with one decision. The decision raises the group epoch, or turns the group into a
   * classic group if only classic members remain and the policy allows it.
   */
  remove(members: readonly Member[], cause: RebalanceCause, afterMs?: Millis): ErrorCode {
    const [first] = members;
    if (first === undefined) return ErrorCode.NONE;
    if (mayBecomeClassic(this.state, members, this.settings, this.ports.classic)) {
      const errorCode = this.becomeClassic(members);
      // UNKNOWN_SERVER_ERROR: the records do not fit into one batch, and never will. So the group stays a
      // consumer group.
      if (errorCode !== ErrorCode.UNKNOWN_SERVER_ERROR) return errorCode;
    }
    const decision = this.decision();
    for (const { memberId } of members) decision.add(...memberTombstones(this.groupId, memberId));
    for (const regex of new Set(members.map(regexOf)))
      if (regex !== undefined && decision.state.regexes.of(regex) === 0)
        decision.add(regexRecord(this.groupId, regex, null));
    const { memberId, clientId, clientHost } = first;
    const why = { cause, memberId, clientId, clientHost };
    decision.raiseEpoch(this.ports.shard.image(), afterMs === undefined ? why : { ...why, afterMs });
    return this.write(decision);
  }

  /** Turns the group into a classic group. Call it only if all members except `leaving` are classic. */
  becomeClassic(leaving: readonly Member[]): ErrorCode {
    const { shard, classic } = this.ports;
    const records = classicRecords(this.groupId, this.state, leaving, shard.image(), shard.wallMs());
    const errorCode = shard.write(records);
    if (errorCode !== ErrorCode.NONE) return errorCode;
    this.lastWrite = shard.lastWrite;
    this.timers.end();
    classic?.becameClassic();
    return ErrorCode.NONE;
  }

  private sessionTimeoutMs({ classic }: Member): Millis {
    return classic?.sessionTimeoutMs ?? this.settings.sessionTimeoutMs;
  }

  /** Sets or clears the revocation deadline of each member whose assignment the decision changed. */
  private updateTimers({ records }: Decision): void {
    for (const { name, key } of records) {
      if (name !== 'consumerGroupCurrentMemberAssignment') continue;
      const member = this.state.members.get(key.memberId);
      if (member === undefined) this.timers.remove(key.memberId);
      else if (member.classic !== null) continue;
      else if (mustRevoke(member)) this.expectRevocation(member);
      else this.timers.fulfil(member.memberId, 'revoke');
    }
  }
}
