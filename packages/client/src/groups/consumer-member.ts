/**
 * A member of a consumer group (KIP-848), as a synchronous machine. The coordinator assigns the partitions. A
 * heartbeat carries only what has changed in the member, and its answer carries the assignment only if that
 * has changed. The member first gives up the partitions that it must not keep, then takes the new ones, then
 * reports which partitions it owns.
 *
 * After an error or a lost answer, the next heartbeat is complete, because the coordinator may not have got
 * the last one.
 */
import type { Millis, Timer, Uuid } from '@millrace/base';
import {
  apis,
  type ConsumerGroupHeartbeatResponse,
  ErrorCode,
  errorName,
  type RequestInputOf,
} from '@millrace/protocol';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import { groupOutcome } from './group-errors.ts';
import type { Committer, GroupMember, MemberOptions } from './member.ts';
import { sendAtOnce, sendToCoordinator } from './member-requests.ts';
import type { MemberIdentity } from './offset-requests.ts';
import { type TopicPartition, without } from './topic-partitions.ts';

/** Topic names, or a regular expression (RE2) that the coordinator matches with the names of all topics. */
export type Subscription = { readonly topics: readonly string[] } | { readonly regex: string };

export interface ConsumerMemberOptions extends MemberOptions {
  /** The member draws its id itself (KIP-1082). */
  readonly memberId: Uuid;
  readonly subscription: Subscription;
  /** `uniform` or `range`; null: the coordinator chooses. */
  readonly serverAssignor: string | null;
}

interface OwnedPartition extends TopicPartition {
  readonly topicId: Uuid;
}

interface AssignedTopic {
  readonly topicId: string;
  readonly partitions: readonly number[];
}

const JOIN_EPOCH = 0;
const LEAVE_EPOCH = -1;
/**
 * The epoch of a static member that leaves for a while: the coordinator keeps its partitions until its
 * session ends.
 */
const STATIC_LEAVE_EPOCH = -2;
/** The first version with regular expressions, and with ids that members draw. */
const REGEX_FROM_VERSION = 1;

export class ConsumerMember implements GroupMember {
  private readonly options: ConsumerMemberOptions;
  private memberId: string;
  private epoch = JOIN_EPOCH;
  private partitions: readonly OwnedPartition[] = [];
  /** The assignment that the coordinator sent last. */
  private target: readonly AssignedTopic[] = [];
  /** True: the next heartbeat carries every field. */
  private isComplete = true;
  /** True: the next heartbeat carries the partitions that the member owns. */
  private hasNews = false;
  private isRevoking = false;
  private isSending = false;
  /** True: a heartbeat has gone out, so the coordinator may know the member. */
  private hasJoined = false;
  private hasStopped = false;
  /** Answers to heartbeats of an earlier membership do not count. */
  private round = 0;
  private heartbeatMs: Millis = 5_000;
  private timer: Timer | undefined;

  constructor(options: ConsumerMemberOptions) {
    this.options = options;
    this.memberId = options.memberId;
  }

  get owned(): readonly TopicPartition[] {
    return this.partitions;
  }

  get identity(): MemberIdentity {
    return { memberId: this.memberId, epoch: this.epoch, instanceId: this.options.instanceId };
  }

  /**
   * Each retry of a commit takes the newest epoch, because heartbeats change the epoch during a membership.
   */
  committer(): Committer {
    const { round } = this;
    return () => (round === this.round && this.epoch > JOIN_EPOCH ? this.identity : undefined);
  }

  /** The assigned topics that the member knows only by their ids. */
  get neededTopics() {
    const { topics } = this.options.cluster;
    const ids = this.target.map(({ topicId }) => topicId);
    return { names: [], ids: ids.filter((topicId) => topics.withId(topicId as Uuid) === undefined) };
  }

  start(): void {
    this.heartbeat();
  }

  clusterChanged(): void {
    if (!this.hasStopped && this.epoch > 0) this.reconcile();
  }

  leave(done: () => void): void {
    const { groupId, instanceId, clock } = this.options;
    // The coordinator may have accepted the member, although its answer has not come.
    const wasMember = this.hasJoined && !this.hasStopped;
    this.stop();
    if (!wasMember) {
      clock.soon(done);
      return;
    }
    const memberEpoch = instanceId === null ? LEAVE_EPOCH : STATIC_LEAVE_EPOCH;
    const request = { groupId, memberId: this.memberId, memberEpoch, instanceId };
    const { consumerGroupHeartbeat } = apis;
    sendAtOnce(
      this.options,
      consumerGroupHeartbeat,
      (connection, version) => connection.request(consumerGroupHeartbeat, version, request, () => done()),
      done,
    );
  }

  private stop(): void {
    this.hasStopped = true;
    this.round++;
    this.timer?.cancel();
  }

  private heartbeatIn(delayMs: Millis): void {
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(delayMs, () => this.heartbeat());
  }

  private heartbeat(): void {
    sendToCoordinator(this.options, {
      api: apis.consumerGroupHeartbeat,
      fromVersion: 'regex' in this.options.subscription ? REGEX_FROM_VERSION : 0,
      isOver: () => this.hasStopped || this.isSending,
      send: (connection, version) => this.beat(connection, version),
      failed: (error) => this.fail(error),
    });
  }

  private beat(connection: BrokerConnection, version: number): void {
    const { round } = this;
    this.timer?.cancel();
    const request = this.request();
    this.isComplete = false;
    this.hasNews = false;
    this.isSending = true;
    this.hasJoined = true;
    connection.request(apis.consumerGroupHeartbeat, version, request, (response) => {
      this.isSending = false;
      if (this.hasStopped) return;
      if (round === this.round) this.answered(response);
      else this.heartbeat();
    });
  }

  private request(): RequestInputOf<typeof apis.consumerGroupHeartbeat> {
    const { groupId, instanceId, rebalanceTimeoutMs, subscription, serverAssignor } = this.options;
    const { memberId, epoch: memberEpoch, isComplete } = this;
    const changed =
      isComplete || this.hasNews ? { topicPartitions: this.ownedById() } : { topicPartitions: null };
    if (!isComplete) return { groupId, memberId, memberEpoch, instanceId, ...changed };
    const subscribed =
      'regex' in subscription
        ? { subscribedTopicRegex: subscription.regex }
        : { subscribedTopicNames: [...subscription.topics] };
    const all = { instanceId, rebalanceTimeoutMs, serverAssignor, ...subscribed, ...changed };
    return { groupId, memberId, memberEpoch, ...all };
  }

  private answered(response: ConsumerGroupHeartbeatResponse | undefined): void {
    const { coordinator, events } = this.options;
    const code = response?.errorCode;
    if (code !== undefined) events.answered?.(code);
    // The group may have been deleted, or lost with its log. A member that joins again creates the group if
    // it does not exist.
    const isGone = code === ErrorCode.GROUP_ID_NOT_FOUND && this.epoch > JOIN_EPOCH;
    const outcome = code === undefined ? 'wait' : isGone ? 'fenced' : groupOutcome(code);
    if (outcome === 'none') {
      this.accept(response!);
      return;
    }
    this.isComplete = true;
    if (outcome === 'fenced') this.joinAgain();
    else if (outcome === 'moved' || outcome === 'wait') {
      if (outcome === 'moved') coordinator.moved();
      this.heartbeatIn(coordinator.backoffMs);
    } else this.fail(failureText(response!));
  }

  private accept({ memberId, memberEpoch, heartbeatIntervalMs, assignment }: ConsumerGroupHeartbeatResponse) {
    if (memberId !== null && memberId !== '') this.memberId = memberId;
    this.epoch = memberEpoch;
    this.heartbeatMs = heartbeatIntervalMs;
    if (assignment !== null) this.target = assignment.topicPartitions;
    this.reconcile();
    if (this.hasNews) this.heartbeat();
    else this.heartbeatIn(this.heartbeatMs);
  }

  /** Takes the next step towards the assignment: gives up partitions, or takes new ones. */
  private reconcile(): void {
    if (this.isRevoking) return;
    const { cluster, events } = this.options;
    const known = this.targetPartitions();
    const stays = new Set(
      this.target.flatMap(({ topicId, partitions }) => partitions.map((index) => `${topicId}-${index}`)),
    );
    const revoked = this.partitions.filter(({ topicId, partition }) => !stays.has(`${topicId}-${partition}`));
    if (revoked.length > 0) {
      const { round } = this;
      this.isRevoking = true;
      events.revoking(revoked, () => {
        if (round !== this.round) return;
        this.isRevoking = false;
        this.partitions = without(this.partitions, revoked);
        this.tell();
        this.reconcile();
      });
      return;
    }
    const added = without(known, this.partitions);
    if (added.length > 0) {
      this.partitions = [...this.partitions, ...added];
      this.tell();
      events.assigned(added);
    }
    if (this.neededTopics.ids.length > 0) cluster.refresh();
  }

  /** Tells the coordinator at once what the member owns now: other members may wait for partitions. */
  private tell(): void {
    this.hasNews = true;
    this.heartbeatIn(0);
  }

  /** The assigned partitions of the topics whose names are known. */
  private targetPartitions(): OwnedPartition[] {
    const { topics } = this.options.cluster;
    return this.target.flatMap(({ topicId, partitions }) => {
      const topic = topics.withId(topicId as Uuid);
      if (topic === undefined) return [];
      return partitions.map((partition) => ({
        topic: topic.name,
        topicId: topicId as Uuid,
        partition,
      }));
    });
  }

  private ownedById() {
    const byId = new Map<Uuid, number[]>();
    for (const { topicId, partition } of this.partitions) {
      const known = byId.get(topicId);
      if (known === undefined) byId.set(topicId, [partition]);
      else known.push(partition);
    }
    return [...byId].map(([topicId, partitions]) => ({ topicId, partitions }));
  }

  /**
   * Called when the group continues without this member. The member loses its partitions, and joins again.
   */
  private joinAgain(): void {
    this.round++;
    this.epoch = JOIN_EPOCH;
    this.loseAll();
    this.heartbeatIn(0);
  }

  private loseAll(): void {
    const lost = this.partitions;
    this.partitions = [];
    this.target = [];
    this.isRevoking = false;
    if (lost.length > 0) this.options.events.lost(lost);
  }

  private fail(error: string): void {
    this.stop();
    this.loseAll();
    this.options.events.failed(error);
  }
}

function failureText({ errorCode, errorMessage }: ConsumerGroupHeartbeatResponse): string {
  return errorMessage === null ? errorName(errorCode) : `${errorName(errorCode)} (${errorMessage})`;
}
