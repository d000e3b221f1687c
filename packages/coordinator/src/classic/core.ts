/**
 * The state that the parts of a classic group share. Only the content of the last GroupMetadata record is
 * durable. A rebalance changes the state in memory, and writes a record only at its end. So a new coordinator
 * does not know of an unfinished rebalance, and continues from the last record. In two cases a record without
 * a leader says that a rebalance is under way (`isUnled`).
 */
import type { Random, WallMillis } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { Alarm } from '../runtime/alarm.ts';
import type { ShardPort, WriteNumber } from '../runtime/machine.ts';
import {
  type JoinAnswer,
  joinError,
  type ParkedJoin,
  type ParkedSync,
  syncError,
  wireProtocolName,
} from './calls.ts';
import type { ClassicGroupEvents, EventMember } from './events.ts';
import type { ClassicGroupLimits } from './limits.ts';
import { Member, type MemberFacts } from './member.ts';
import { Members } from './members.ts';
import { type GroupValue, groupRecord, memberValue, recordedMembers } from './record.ts';
import { subscribedTopics } from './subscriptions.ts';

/** The names of the states are those that answers to clients have. */
export type ClassicGroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead';

export interface ClassicGroupSeams {
  readonly port: ShardPort;
  readonly random: Random;
  readonly config: ClassicGroupLimits;
  readonly events: ClassicGroupEvents;
}

export class Core {
  readonly groupId: string;
  readonly port: ShardPort;
  readonly random: Random;
  readonly config: ClassicGroupLimits;
  readonly events: ClassicGroupEvents;
  readonly members = new Members();
  state: ClassicGroupState = 'Empty';
  generation = 0;
  /** Null until the first member joins. */
  protocolType: string | null = null;
  /** Null while the group has no generation with members. */
  protocolName: string | null = null;
  /**
   * The time of the last `moveTo`. If the group has replayed a record since then: the time in this record.
   */
  changedAtMs: WallMillis;
  /**
   * The topics to which the members of this generation subscribe; undefined if the group cannot know them.
   */
  topics: ReadonlySet<string> | undefined;
  /** The group has replayed a record. */
  isRecorded = false;
  /**
   * True: the last record has members and no leader, so the group needs a rebalance. There are two such
   * records: that of a group that was a consumer group (consumer/downgrade.ts), and that of a static member
   * that was replaced during a rebalance (`writeUnled`). The record at the end of the rebalance has a leader,
   * or no members.
   */
  isUnled = false;
  /** The group writes a record that the state in memory is ahead of. */
  private isAhead = false;
  /** The number of the last decision about this group. Answers wait until this decision is committed. */
  lastWrite: WriteNumber = 0;
  private answers: (() => void)[] = [];
  private readonly sessionExpired: (member: Member) => void;

  constructor(groupId: string, seams: ClassicGroupSeams, sessionExpired: (member: Member) => void) {
    this.groupId = groupId;
    this.port = seams.port;
    this.random = seams.random;
    this.config = seams.config;
    this.events = seams.events;
    this.changedAtMs = seams.port.wallMs();
    this.sessionExpired = sessionExpired;
  }

  moveTo(state: ClassicGroupState): void {
    this.state = state;
    this.changedAtMs = this.port.wallMs();
  }

  newMember(facts: MemberFacts): Member {
    return new Member(facts, (member) => this.alarm(() => this.sessionExpired(member)));
  }

  /**
   * Writes a record. Returns NONE if the shard accepted the record; then the group has already replayed it.
   */
  write(value: GroupValue): ErrorCode {
    const errorCode = this.port.write([groupRecord(this.groupId, value)]);
    if (errorCode === ErrorCode.NONE) this.lastWrite = this.port.lastWrite;
    return errorCode;
  }

  /**
   * Writes a record during a rebalance, without a leader. The rebalance continues in memory. If the
   * coordinator dies before its end, the next coordinator begins it again.
   */
  writeUnled(value: GroupValue): ErrorCode {
    this.isAhead = true;
    const errorCode = this.write({ ...value, leader: null });
    this.isAhead = false;
    return errorCode;
  }

  /**
   * Takes over the state in a record. If the group already has a member of the record, this member keeps its
   * parked calls, and `Member.recall` decides which protocols it keeps.
   */
  replay(value: GroupValue): void {
    this.isRecorded = true;
    if (this.isAhead) return;
    this.isUnled = value.members.length > 0 && value.leader === null;
    this.state = value.members.length === 0 ? 'Empty' : 'Stable';
    this.generation = value.generation;
    this.protocolType = value.protocolType === '' ? null : value.protocolType;
    this.protocolName = value.protocol;
    this.changedAtMs = value.currentStateTimestamp;
    this.members.become(
      recordedMembers(value).map((facts) => {
        const member = this.members.get(facts.memberId);
        member?.recall(facts);
        return member ?? this.newMember(facts);
      }),
      value.leader,
    );
    this.topics = this.topicsOfGeneration();
  }

  /** The record of the group as it is now. */
  value(): GroupValue {
    return {
      protocolType: this.protocolType ?? '',
      generation: this.generation,
      protocol: this.protocolName,
      leader: this.members.leaderId,
      currentStateTimestamp: this.changedAtMs,
      members: Array.from(this.members, (member) => memberValue(member, this.protocolName)),
    };
  }

  topicsOfGeneration(): ReadonlySet<string> | undefined {
    return subscribedTopics(this.protocolType, this.protocolName, this.members);
  }

  alarm(ring: () => void): Alarm {
    return new Alarm(this.port, () => this.turn(ring));
  }

  /**
   * Runs one input of the group, and sends the answers when the input is complete. Within an input no answer
   * may leave, because a `reply` may call the group with the next request.
   */
  turn(input: () => void): void {
    input();
    const { answers } = this;
    this.answers = [];
    for (const send of answers) send();
  }

  /**
   * Sends the answer when the group's last decision is committed, so that no answer reveals a change that can
   * still be lost. If the commit fails, sends the answer that `failure` returns.
   */
  answer<Answer>(
    reply: (answer: Answer) => void,
    answer: Answer,
    failure: (errorCode: ErrorCode) => Answer,
  ): void {
    const write = this.lastWrite;
    this.answers.push(() => {
      this.port.whenCommitted(write, (errorCode) => {
        reply(errorCode === ErrorCode.NONE ? answer : failure(errorCode));
      });
    });
  }

  answerJoin({ reply, version }: ParkedJoin, answer: JoinAnswer): void {
    const protocolName = wireProtocolName(version, answer.protocolName ?? '');
    this.answer(reply, { ...answer, protocolName }, (errorCode) => joinError(version, errorCode));
  }

  /** Answers a member's parked calls with an error, for example because the member is removed. */
  refuseParked(member: Member, errorCode: ErrorCode, memberId = ''): void {
    const join = this.members.takeJoin(member);
    if (join !== undefined) this.answerJoin(join, joinError(join.version, errorCode, memberId));
    this.refuseSync(member, errorCode);
  }

  refuseSync(member: Member, errorCode: ErrorCode): void {
    const sync = member.parkedSync;
    member.parkedSync = undefined;
    if (sync !== undefined) this.answer(sync.reply, syncError(errorCode), syncError);
  }

  parkJoin(member: Member, { version, reply }: ParkedJoin): void {
    const earlier = this.members.parkJoin(member, { version, reply });
    // The client gave up the earlier call. This answer only frees what the broker keeps for that call.
    if (earlier !== undefined)
      this.answerJoin(earlier, joinError(earlier.version, ErrorCode.REBALANCE_IN_PROGRESS));
    member.pauseSession();
  }

  parkSync(member: Member, { version, reply }: ParkedSync): void {
    this.refuseSync(member, ErrorCode.REBALANCE_IN_PROGRESS);
    member.parkedSync = { version, reply };
    member.pauseSession();
  }

  /**
   * The group forgets the member. The member's parked calls get UNKNOWN_MEMBER_ID, so that a live client
   * joins again.
   */
  remove(member: Member): void {
    this.refuseParked(member, ErrorCode.UNKNOWN_MEMBER_ID);
    member.endSession();
    this.members.remove(member);
  }
}

export function eventMember({ memberId, client }: Pick<MemberFacts, 'memberId' | 'client'>): EventMember {
  return { memberId, clientId: client.clientId, clientHost: client.clientHost };
}
