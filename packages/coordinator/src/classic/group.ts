/**
 * One classic consumer group: a synchronous state machine. Its inputs are requests, records and the port's
 * timers. Its outputs are records and answers. docs/groups.md says what must hold.
 *
 * The owner of the object (groups/group-table.ts) makes it, and passes the group's records to `replay`. The
 * owner calls `loaded` when the shard is loaded, and then passes on the requests that name the group. When
 * the leadership ends, the owner calls `ended`. When the group is deleted or changes its type, the owner
 * calls `replaced`. After `ended` or `replaced`, the owner drops the object.
 */
import type { WallMillis } from '@millrace/base';
import { CONSUMER_PROTOCOL_TYPE, ErrorCode } from '@millrace/protocol';
import type { WriteNumber } from '../runtime/machine.ts';
import {
  type HeartbeatCall,
  type JoinCall,
  joinError,
  type LeaveCall,
  type SyncCall,
  syncError,
} from './calls.ts';
import { type ClassicGroupSeams, type ClassicGroupState, Core } from './core.ts';
import { type DescribedGroup, describe } from './describe.ts';
import type { RebalanceCause } from './events.ts';
import { Join } from './join.ts';
import { Leave } from './leave.ts';
import type { MemberFacts } from './member.ts';
import { Rebalance } from './rebalance.ts';
import type { GroupValue } from './record.ts';
import { Replacement } from './replacement.ts';
import { Sync } from './sync.ts';

/** The fields of an OffsetCommit or TxnOffsetCommit that say who sent it. */
export interface Committing {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** Negative: the request names no generation. */
  readonly generationId: number;
  /**
   * True for a TxnOffsetCommit. As in Kafka, such a commit does not count as a heartbeat, and succeeds during
   * a rebalance, too.
   */
  readonly isTransactional: boolean;
}

export class ClassicGroup {
  private readonly core: Core;
  private readonly rebalance: Rebalance;
  private readonly joins: Join;
  private readonly syncs: Sync;
  private readonly leaves: Leave;

  constructor(groupId: string, seams: ClassicGroupSeams) {
    this.core = new Core(groupId, seams, (member) => this.rebalance.sessionExpired(member));
    this.rebalance = new Rebalance(this.core);
    this.joins = new Join(this.core, this.rebalance, new Replacement(this.core, this.rebalance));
    this.syncs = new Sync(this.core, this.rebalance);
    this.leaves = new Leave(this.core, this.rebalance);
  }

  // Records.

  /**
   * Applies a GroupMetadata record of the group. For a tombstone, the owner drops the group and does not call
   * this.
   */
  replay(value: GroupValue): void {
    this.core.replay(value);
  }

  /**
   * Call it when the shard is loaded, or when the group was made from a consumer group. Each member gets a
   * new session. If the last record says that a rebalance is under way, begins this rebalance again, with
   * `cause`.
   */
  loaded(cause: 'became-classic' | 'rebalance-unfinished' = 'rebalance-unfinished'): void {
    const { members, config, isUnled } = this.core;
    for (const member of members) member.restartSession();
    if (isUnled) this.beginRebalance(cause);
    else if (members.size > config.maxSize) this.beginRebalance('group-too-large');
  }

  /** Answers all parked calls with this error. The group is dead from now on and sets no timer. */
  ended(errorCode: ErrorCode): void {
    for (const refuse of this.die()) refuse(errorCode);
  }

  /**
   * Like `ended`, but called while the machine replays `decision`, which deleted the group or turned it into
   * a consumer group. When the decision is committed, the parked calls get REBALANCE_IN_PROGRESS, so that
   * their members join again. No answer leaves within this call: a `reply` may bring the next request, and a
   * machine must not decide while it replays.
   */
  replaced(decision: WriteNumber): void {
    const parked = this.die();
    if (parked.length === 0) return;
    this.core.port.whenCommitted(decision, (failure) => {
      const errorCode = failure === ErrorCode.NONE ? ErrorCode.REBALANCE_IN_PROGRESS : failure;
      for (const refuse of parked) refuse(errorCode);
    });
  }

  /** Makes the group Dead. Returns a function for each parked call: it answers the call with an error. */
  private die(): ((errorCode: ErrorCode) => void)[] {
    const { core } = this;
    const parked: ((errorCode: ErrorCode) => void)[] = [];
    this.rebalance.stop();
    for (const expiry of core.members.pending.values()) expiry.clear();
    core.state = 'Dead';
    for (const member of core.members) {
      member.endSession();
      const { memberId } = member;
      const join = core.members.takeJoin(member);
      const sync = member.parkedSync;
      member.parkedSync = undefined;
      if (join !== undefined)
        parked.push((errorCode) => join.reply(joinError(join.version, errorCode, memberId)));
      if (sync !== undefined) parked.push((errorCode) => sync.reply(syncError(errorCode)));
    }
    return parked;
  }

  /**
   * From now on answers wait until `write` is committed. `write` is, for example, the decision that made the
   * group.
   */
  follow(write: WriteNumber): void {
    this.core.lastWrite = write;
  }

  // Requests.

  join(call: JoinCall): void {
    this.core.turn(() => this.joins.join(call));
  }

  sync(call: SyncCall): void {
    this.core.turn(() => this.syncs.sync(call));
  }

  heartbeat({ request, reply }: HeartbeatCall): void {
    this.core.turn(() => {
      const errorCode = this.checkHeartbeat(request);
      this.core.answer(reply, { errorCode }, (failure) => ({ errorCode: failure }));
    });
  }

  leave(call: LeaveCall): void {
    this.core.turn(() => this.leaves.leave(call));
  }

  /**
   * Says whether the sender may commit offsets now. If it may, this call counts as a heartbeat of the member,
   * unless the commit is transactional.
   */
  checkCommit(sender: Committing): ErrorCode {
    const { core } = this;
    const { memberId, groupInstanceId, generationId, isTransactional } = sender;
    if (core.state === 'Dead') return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    if (core.state === 'Empty' && generationId < 0) return ErrorCode.NONE;
    if (generationId >= 0 || memberId !== '' || groupInstanceId !== null) {
      const errorCode = core.members.check(memberId, groupInstanceId);
      if (errorCode !== ErrorCode.NONE) return errorCode;
      if (generationId !== core.generation) return ErrorCode.ILLEGAL_GENERATION;
    } else if (!isTransactional && core.state !== 'Empty') return ErrorCode.UNKNOWN_MEMBER_ID;
    if (isTransactional) return ErrorCode.NONE;
    if (core.state === 'CompletingRebalance') return ErrorCode.REBALANCE_IN_PROGRESS;
    core.members.get(memberId)?.restartSession();
    return ErrorCode.NONE;
  }

  /** Begins a rebalance although no member asked for one. */
  private beginRebalance(cause: RebalanceCause): void {
    this.core.turn(() => this.rebalance.begin(cause, undefined));
  }

  // The values that other code may read. They can depend on decisions, up to `lastWrite`, that are not
  // committed yet.

  get groupId(): string {
    return this.core.groupId;
  }

  get state(): ClassicGroupState {
    return this.core.state;
  }

  get isEmpty(): boolean {
    return this.core.state === 'Empty';
  }

  get generation(): number {
    return this.core.generation;
  }

  /** Null: no member ever joined. */
  get protocolType(): string | null {
    return this.core.protocolType;
  }

  get protocolName(): string | null {
    return this.core.protocolName;
  }

  get leaderId(): string | null {
    return this.core.members.leaderId;
  }

  get memberCount(): number {
    return this.core.members.size;
  }

  /** Number of parked calls (JoinGroup and SyncGroup): they wait for the progress of a rebalance. */
  get parkedCalls(): number {
    const { members } = this.core;
    let syncs = 0;
    for (const { parkedSync } of members) if (parkedSync !== undefined) syncs++;
    return members.joined + syncs;
  }

  /** Number of member ids that the group gave out, and that nobody has joined with yet. */
  get pendingMembers(): number {
    return this.core.members.pending.size;
  }

  get members(): Iterable<MemberFacts> {
    return this.core.members;
  }

  /** The last decision about this group; 0 if there was none in this leadership. */
  get lastWrite(): WriteNumber {
    return this.core.lastWrite;
  }

  /** The group has replayed a record. */
  get isRecorded(): boolean {
    return this.core.isRecorded;
  }

  /** True if neither the log nor a client knows of the group. Then nothing is lost if the owner drops it. */
  get isForgettable(): boolean {
    const { isRecorded, members } = this.core;
    return !isRecorded && members.size === 0 && members.pending.size === 0;
  }

  /**
   * When the group became empty. Undefined: the group is not empty, the group never had a member, or its
   * record is in an old format without this time.
   */
  get emptySinceMs(): WallMillis | undefined {
    const { state, protocolType, changedAtMs } = this.core;
    return state === 'Empty' && protocolType !== null && changedAtMs >= 0 ? changedAtMs : undefined;
  }

  /**
   * As in Kafka, a group of protocol type `consumer` counts as subscribed to every topic if its subscriptions
   * are not known.
   */
  isSubscribedTo(topic: string): boolean {
    const { topics, protocolType } = this.core;
    return topics?.has(topic) ?? protocolType === CONSUMER_PROTOCOL_TYPE;
  }

  describe(): DescribedGroup {
    return describe(this.core);
  }

  /**
   * A record of the group's present state. Equals the last record in the log while the group is stable or
   * empty.
   */
  get value(): GroupValue {
    return this.core.value();
  }

  private checkHeartbeat({ memberId, groupInstanceId, generationId }: HeartbeatCall['request']): ErrorCode {
    const { core } = this;
    if (core.state === 'Dead') return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    const errorCode = core.members.check(memberId, groupInstanceId);
    if (errorCode !== ErrorCode.NONE) return errorCode;
    if (generationId !== core.generation) return ErrorCode.ILLEGAL_GENERATION;
    core.members.get(memberId)!.restartSession();
    return core.state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE;
  }
}
