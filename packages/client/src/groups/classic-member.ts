/**
 * A member of a classic group (JoinGroup, SyncGroup, Heartbeat, LeaveGroup), as a synchronous machine:
 *
 *     giving up ──► joining ──► assigning (leader only) ──► syncing ──► stable ──► giving up …
 *
 * A new round begins when the member joins, pauses after an error, loses its membership or stops. The member
 * ignores answers and timers of earlier rounds. A member with a cooperative assignor keeps its partitions
 * while the group rebalances (KIP-429).
 */
import type { Millis, Timer } from '@millrace/base';
import {
  apis,
  CONSUMER_PROTOCOL_TYPE,
  DecodeError,
  ErrorCode,
  errorName,
  type JoinGroupResponse,
  type SyncGroupResponse,
} from '@millrace/protocol';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import type { VersionedApi } from '../connection/versions.ts';
import type { Assignor, SubscribedMember } from './assignors/assignor.ts';
import {
  assignedPartitions,
  assignmentEntries,
  subscribedMembers,
  subscriptionBytes,
} from './classic-messages.ts';
import { groupOutcome } from './group-errors.ts';
import type { Committer, GroupMember, MemberOptions } from './member.ts';
import { sendAtOnce, sendToCoordinator } from './member-requests.ts';
import type { MemberIdentity } from './offset-requests.ts';
import { type TopicPartition, without } from './topic-partitions.ts';

export interface ClassicMemberOptions extends MemberOptions {
  readonly topics: readonly string[];
  readonly assignor: Assignor;
  /** The coordinator removes a member that is silent for this long. */
  readonly sessionTimeoutMs: Millis;
  readonly heartbeatMs: Millis;
}

/** The coordinator answers JoinGroup within the rebalance timeout. The client waits this much longer. */
const JOIN_SLACK_MS = 5_000;
/** How long the leader waits for the metadata of topics to which only other members subscribe. */
const METADATA_WAIT_MS = 2_000;
const NO_GENERATION = -1;

export class ClassicMember implements GroupMember {
  owned: readonly TopicPartition[] = [];
  private readonly options: ClassicMemberOptions;
  private memberId = '';
  private generation = NO_GENERATION;
  /** Answers to requests of an earlier round do not count. */
  private round = 0;
  private isStable = false;
  private hasStopped = false;
  private timer: Timer | undefined;
  private reason = 'the member starts';
  /** Assigns the partitions. Set only while the leader waits for metadata. */
  private assign: (() => void) | undefined;
  /** The topics of all members, if this member leads. */
  private groupTopics: readonly string[] = [];
  /** The partitions that this leader knew when it assigned them; undefined: another member leads. */
  private assignedFrom: string | undefined;

  constructor(options: ClassicMemberOptions) {
    this.options = options;
  }

  get identity(): MemberIdentity {
    return { memberId: this.memberId, epoch: this.generation, instanceId: this.options.instanceId };
  }

  /** A retry of a commit keeps the generation, so the coordinator refuses it after a rebalance. */
  committer(): Committer {
    const { identity, generation } = this;
    const isMember = () => !this.hasStopped && this.generation !== NO_GENERATION;
    return () => (isMember() && generation !== NO_GENERATION ? identity : undefined);
  }

  get neededTopics() {
    return { names: this.groupTopics, ids: [] };
  }

  start(): void {
    this.join();
  }

  clusterChanged(): void {
    if (this.hasStopped) return;
    if (this.assign !== undefined && this.knowsTopics()) this.assign();
    else if (this.isStable && this.assignedFrom !== undefined && this.assignedFrom !== this.partitionsNow())
      this.rejoin('the partitions of a topic changed');
  }

  leave(done: () => void): void {
    const { groupId, instanceId, clock } = this.options;
    const { memberId } = this;
    const wasMember = memberId !== '' && !this.hasStopped;
    this.stop();
    // A static member stays until its session times out, so that it can come back (KIP-345).
    if (!wasMember || instanceId !== null) {
      clock.soon(done);
      return;
    }
    const members = [{ memberId, groupInstanceId: null, reason: 'the consumer closes' }];
    const { leaveGroup } = apis;
    sendAtOnce(
      this.options,
      leaveGroup,
      (connection, version) =>
        connection.request(leaveGroup, version, { groupId, memberId, members }, () => done()),
      done,
    );
  }

  private stop(): void {
    this.hasStopped = true;
    this.newRound();
  }

  private newRound(): number {
    this.timer?.cancel();
    this.isStable = false;
    this.assign = undefined;
    return ++this.round;
  }

  private rejoin(reason: string): void {
    this.reason = reason;
    this.join();
  }

  /** Joins. If the assignor is not cooperative, the member first gives up all of its partitions. */
  private join(): void {
    const round = this.newRound();
    const { assignor, events } = this.options;
    if (assignor.isCooperative || this.owned.length === 0) {
      this.sendJoin(round);
      return;
    }
    events.revoking(this.owned, () => {
      if (round !== this.round) return;
      this.owned = [];
      this.sendJoin(round);
    });
  }

  private sendJoin(round: number): void {
    const { groupId, instanceId, assignor, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.options;
    const metadata = subscriptionBytes(assignor, topics, this.owned, this.generation);
    const request = {
      groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.memberId,
      groupInstanceId: instanceId,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      protocols: [{ name: assignor.name, metadata }],
      reason: this.reason,
    };
    this.withCoordinator(round, apis.joinGroup, (connection, version) =>
      connection.request(
        apis.joinGroup,
        version,
        request,
        (response) => {
          if (round === this.round) this.joined(round, response);
        },
        rebalanceTimeoutMs + JOIN_SLACK_MS,
      ),
    );
  }

  private joined(round: number, response: JoinGroupResponse | undefined): void {
    if (response?.errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
      this.memberId = response.memberId;
      this.sendJoin(round);
      return;
    }
    if (!this.isGood(response?.errorCode)) return;
    const { memberId, generationId, leader, members, skipAssignment } = response!;
    this.memberId = memberId;
    this.generation = generationId;
    this.assignedFrom = undefined;
    this.groupTopics = [];
    if (leader !== memberId) {
      this.sync(round, new Map());
      return;
    }
    try {
      this.lead(round, subscribedMembers(this.options.assignor, members), skipAssignment);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.fail(`a member of the group sent a subscription that is none: ${error.message}`);
    }
  }

  /**
   * Assigns the partitions as soon as the metadata of all topics are there, at the latest after
   * METADATA_WAIT_MS.
   */
  private lead(round: number, members: readonly SubscribedMember[], skipAssignment: boolean): void {
    const { clock, cluster, assignor } = this.options;
    this.groupTopics = [...new Set(members.flatMap(({ topics }) => topics))].sort();
    this.assign = () => {
      this.assign = undefined;
      this.timer?.cancel();
      this.assignedFrom = this.partitionsNow();
      const known = this.groupTopics.filter((topic) => cluster.topics.has(topic));
      const counts = new Map(known.map((topic) => [topic, cluster.topics.get(topic)!.partitions.length]));
      this.sync(round, skipAssignment ? new Map() : assignor.assign(members, counts));
    };
    if (this.knowsTopics()) this.assign();
    else {
      cluster.refresh();
      this.timer = clock.setTimer(METADATA_WAIT_MS, this.assign);
    }
  }

  private sync(round: number, assignments: ReturnType<Assignor['assign']>): void {
    const { groupId, instanceId, assignor } = this.options;
    const request = {
      groupId,
      generationId: this.generation,
      memberId: this.memberId,
      groupInstanceId: instanceId,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      protocolName: assignor.name,
      assignments: assignmentEntries(assignments),
    };
    const timeoutMs = this.options.rebalanceTimeoutMs + JOIN_SLACK_MS;
    this.withCoordinator(round, apis.syncGroup, (connection, version) =>
      connection.request(
        apis.syncGroup,
        version,
        request,
        (response) => {
          if (round === this.round) this.synced(round, response);
        },
        timeoutMs,
      ),
    );
  }

  private synced(round: number, response: SyncGroupResponse | undefined): void {
    if (!this.isGood(response?.errorCode)) return;
    try {
      this.take(round, assignedPartitions(response!.assignment));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.fail(`the leader of the group sent an assignment that is none: ${error.message}`);
    }
  }

  private take(round: number, assignment: readonly TopicPartition[]): void {
    const { events } = this.options;
    const revoked = without(this.owned, assignment);
    const added = without(assignment, this.owned);
    this.isStable = true;
    this.heartbeatLater(round);
    this.owned = assignment;
    if (added.length > 0) events.assigned(added);
    if (revoked.length === 0) return;
    // Only a cooperative member has partitions left to give up. It joins again, so that others can get them.
    events.revoking(revoked, () => {
      if (round === this.round) this.rejoin('the member gave up partitions');
    });
  }

  private heartbeatLater(round: number, delayMs: Millis = this.options.heartbeatMs): void {
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(delayMs, () => this.heartbeat(round));
  }

  private heartbeat(round: number): void {
    const { groupId, instanceId, coordinator } = this.options;
    const request = {
      groupId,
      generationId: this.generation,
      memberId: this.memberId,
      groupInstanceId: instanceId,
    };
    this.withCoordinator(round, apis.heartbeat, (connection, version) =>
      connection.request(apis.heartbeat, version, request, (response) => {
        if (round !== this.round) return;
        const code = response?.errorCode;
        const outcome = code === undefined ? 'wait' : groupOutcome(code);
        if (outcome !== 'moved' && outcome !== 'wait') {
          if (this.isGood(code)) this.heartbeatLater(round);
          return;
        }
        // If the coordinator has moved or is loading, the member need not join again.
        if (code !== undefined) this.options.events.answered?.(code);
        if (outcome === 'moved') coordinator.moved();
        this.heartbeatLater(round, coordinator.backoffMs);
      }),
    );
  }

  /**
   * Returns whether an answer is good. If it is not, the member joins again now or after a pause, or it
   * fails.
   */
  private isGood(code: number | undefined): boolean {
    const { coordinator, clock, events } = this.options;
    if (code !== undefined) events.answered?.(code);
    const outcome = code === undefined ? 'wait' : groupOutcome(code);
    if (outcome === 'none') return true;
    const name = code === undefined ? 'no answer' : errorName(code);
    if (outcome === 'fatal') {
      this.fail(name);
      return false;
    }
    if (outcome === 'moved') coordinator.moved();
    if (outcome === 'fenced') this.forgetMembership(code!);
    if (outcome === 'rejoin' || outcome === 'fenced') {
      this.rejoin(name);
      return false;
    }
    this.newRound();
    this.timer = clock.setTimer(coordinator.backoffMs, () => this.rejoin(name));
    return false;
  }

  /**
   * Called when the group continues without this member. The member loses its partitions and its generation.
   */
  private forgetMembership(code: number): void {
    // Begin a new round first: `lost` ends the commit that a revocation waits for, and the callback of that
    // revocation must not join again in this round.
    this.newRound();
    if (code === ErrorCode.UNKNOWN_MEMBER_ID) this.memberId = '';
    this.generation = NO_GENERATION;
    this.loseAll();
  }

  private loseAll(): void {
    const lost = this.owned;
    this.owned = [];
    if (lost.length > 0) this.options.events.lost(lost);
  }

  private fail(error: string): void {
    this.stop();
    this.loseAll();
    this.options.events.failed(error);
  }

  private knowsTopics(): boolean {
    return this.groupTopics.every((topic) => this.options.cluster.topics.has(topic));
  }

  private partitionsNow(): string {
    const { topics } = this.options.cluster;
    const counts = this.groupTopics.map((topic) => {
      const known = topics.get(topic);
      return `${topic} ${known?.topicId} ${known?.partitions.length}`;
    });
    return counts.join();
  }

  /** Sends now, or when the coordinator is found. Does nothing after the round has ended. */
  private withCoordinator(
    round: number,
    api: VersionedApi,
    send: (connection: BrokerConnection, version: number) => void,
  ): void {
    const isOver = () => round !== this.round || this.hasStopped;
    sendToCoordinator(this.options, { api, isOver, send, failed: (error) => this.fail(error) });
  }
}
