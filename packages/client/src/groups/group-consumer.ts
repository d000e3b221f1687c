/**
 * A consumer in a group. It subscribes to topics, reads the partitions that the group assigns to it, from
 * their committed offsets on, and commits. It combines a member (classic, or KIP-848), the group's offsets,
 * and a `Consumer` of the assigned partitions.
 *
 * A partition passes through: assigned ──► its committed offset is fetched ──► read ──► revoked. Before the
 * member gives up a partition, the consumer stops reading it, and commits the offset that the consumer's
 * owner has stored. After a restart, or in another member, reading continues at the committed offset. So
 * records at or after this offset come again if they were already read.
 */
import type { Clock, Millis, Random, Timer, Uuid } from '@millrace/base';
import { ErrorCode, errorName } from '@millrace/protocol';
import type { OpenConnection } from '../cluster/broker-connections.ts';
import type { ClusterView } from '../cluster/cluster-view.ts';
import { Consumer, type ConsumerOptions, type FetchedRecords } from '../fetch/consumer.ts';
import type { Position, PositionReason, StartPosition } from '../fetch/position.ts';
import { type AssignorName, assignors } from './assignors/index.ts';
import { ClassicMember } from './classic-member.ts';
import { type CommitDone, Commits } from './commits.ts';
import { ConsumerMember, type Subscription } from './consumer-member.ts';
import { GroupCoordinator } from './group-coordinator.ts';
import { groupOutcome } from './group-errors.ts';
import { GroupOffsets } from './group-offsets.ts';
import type { GroupMember, MemberEvents } from './member.ts';
import type { CommittedOffset } from './offset-requests.ts';
import { StoredOffsets } from './stored-offsets.ts';
import { type AssignedPartition, partitionName, type TopicPartition, without } from './topic-partitions.ts';

export interface GroupConsumerObserver {
  /** Called with records of an assigned partition. Without `autoStore`, the owner then calls `store`. */
  records(position: Position, fetched: FetchedRecords): void;
  /** Called when reading begins in these partitions. */
  assigned?(starts: readonly StartPosition[]): void;
  /**
   * Called when reading of these partitions has ended. `isLost`: the consumer did not commit first, because
   * other members may already own the partitions.
   */
  revoked?(partitions: readonly TopicPartition[], isLost: boolean): void;
  /** Called after each commit. `error` undefined: the coordinator has the offsets. */
  committed?(offsets: readonly CommittedOffset[], error: string | undefined): void;
  /**
   * Called when the coordinator does not say where to begin in these partitions. The consumer asks it again.
   */
  notFetched?(partitions: readonly TopicPartition[], error: string): void;
  /** Called when a position is looked up, or truncated (see ConsumerObserver). */
  positioned?(position: Position, offset: number, reason: PositionReason): void;
  /** The consumer has stopped reading, because no retry would succeed. `place` undefined: all partitions. */
  failed(error: string, place: TopicPartition | undefined): void;
  /** Called with each error code in an answer. */
  error?(code: number): void;
}

/** `classic`: JoinGroup, with this client's assignors. `consumer`: KIP-848, with the broker's assignors. */
export type GroupProtocol =
  | {
      readonly name: 'classic';
      readonly topics: readonly string[];
      readonly assignor: AssignorName;
      readonly sessionTimeoutMs: Millis;
      readonly heartbeatMs: Millis;
    }
  | {
      readonly name: 'consumer';
      readonly subscription: Subscription;
      /** The name of the assignor; null: the coordinator chooses it. */
      readonly serverAssignor: string | null;
    };

/** A partition whose records the owner has read. */
export interface StoredPlace extends TopicPartition {
  /** The topic of the records. If another topic has this name now, the consumer ignores the offset. */
  readonly topicId?: Uuid;
}

type FetchOptions = Pick<
  ConsumerOptions,
  'usesSessions' | 'sendsEpochs' | 'validatesPositions' | 'maxWaitMs' | 'maxBytes' | 'versionOf' | 'backoffMs'
>;

export interface GroupConsumerOptions extends FetchOptions {
  readonly clock: Clock;
  /** Draws the member's id. */
  readonly random: Random;
  /**
   * The owner calls `clusterChanged` at each `changed` of this view. The view must ask for `wantedTopics` and
   * `wantedIds`.
   */
  readonly cluster: ClusterView;
  /** Opens a connection to the coordinator. Fetches use other connections. */
  readonly open: OpenConnection;
  readonly groupId: string;
  readonly protocol: GroupProtocol;
  /** `group.instance.id`. Default: a dynamic member. */
  readonly instanceId?: string | null;
  readonly rebalanceTimeoutMs: Millis;
  /** `auto.offset.reset`: where to begin without a committed offset, or when the log does not have it. */
  readonly reset: 'earliest' | 'latest' | 'fail';
  /** How often the consumer commits; undefined: only before it gives up partitions, and when asked. */
  readonly autoCommitMs?: Millis;
  /**
   * True: the consumer stores the position after each call of `records`. False: the owner calls `store`.
   * Default true.
   */
  readonly autoStore?: boolean;
  /** True: the consumer commits before it gives up partitions, and when it closes. Default true. */
  readonly commitsOnRevoke?: boolean;
  /** How long a commit, a fetch of committed offsets, or leaving the group may take. */
  readonly requestTimeoutMs: Millis;
  readonly observer: GroupConsumerObserver;
}

const CLOSED = 'the consumer is closed';
const NOT_OWNED = 'other members may own the partitions';

export class GroupConsumer {
  private readonly options: GroupConsumerOptions;
  private readonly coordinator: GroupCoordinator;
  private readonly offsets: GroupOffsets;
  private readonly member: GroupMember;
  private readonly consumer: Consumer;
  /** The partitions to read, by name. */
  private readonly reading = new Map<string, StartPosition>();
  /**
   * For each partition that began at a committed offset: the lowest offset from which this assignment has
   * read.
   */
  private readonly lowest = new Map<
    string,
    { readonly topicId: Uuid | undefined; readonly offset: number }
  >();
  /** The partitions whose committed offsets the consumer is fetching. */
  private readonly starting = new Set<AssignedPartition>();
  /** The partitions that the member gives up when the commit in flight has ended. */
  private readonly revoking = new Map<string, TopicPartition>();
  private readonly stored = new StoredOffsets();
  private readonly commits: Commits;
  private commitTimer: Timer | undefined;
  private isClosed = false;
  private hasEnded = false;
  /** The callbacks that `close` calls when it ends. */
  private readonly closers: (() => void)[] = [];

  constructor(options: GroupConsumerOptions) {
    const { clock, cluster, open, groupId, requestTimeoutMs: timeoutMs, observer } = options;
    this.options = options;
    const { backoffMs } = options;
    const answered = (code: number) => observer.error?.(code);
    const backoff = backoffMs === undefined ? {} : { backoffMs };
    this.coordinator = new GroupCoordinator({ clock, cluster, open, groupId, answered, ...backoff });
    this.offsets = new GroupOffsets({
      clock,
      groupId,
      coordinator: this.coordinator,
      timeoutMs,
      topicId: (topic) => this.topicId(topic),
      identity: () => this.member.identity,
    });
    this.member = this.memberOf(options.protocol);
    this.commits = new Commits({
      offsets: this.offsets,
      stored: this.stored,
      member: () => this.member,
      committed: (offsets, error) => observer.committed?.(offsets, error),
    });
    this.consumer = this.consumerOf();
  }

  /** The names of the topics that the view must ask for. */
  get wantedTopics(): string[] {
    const { protocol } = this.options;
    const subscribed =
      protocol.name === 'classic'
        ? protocol.topics
        : 'topics' in protocol.subscription
          ? protocol.subscription.topics
          : [];
    const owned = this.member.owned.map(({ topic }) => topic);
    return [...new Set([...subscribed, ...this.member.neededTopics.names, ...owned])];
  }

  /** The ids of the topics that the view must ask for. */
  get wantedIds(): Uuid[] {
    return this.member.neededTopics.ids as Uuid[];
  }

  /** The partitions that this consumer reads. */
  get assignment(): readonly TopicPartition[] {
    return [...this.reading.values()];
  }

  start(): void {
    this.member.start();
    this.commitLater();
  }

  clusterChanged(): void {
    if (this.isClosed) return;
    // In old metadata, a topic that the coordinator assigned by its id may lose its name for a while.
    const hasForgotten = this.stored.forgetOthers(
      (topic) => this.topicId(topic),
      (offset) => this.reading.get(partitionName(offset))?.onlyTopicId === offset.topicId,
    );
    if (hasForgotten) this.commits.forgot('another topic has the name');
    this.member.clusterChanged();
    this.followNames();
    this.consumer.clusterChanged();
  }

  /** Pauses the fetches (see Consumer). The member stays in the group. */
  pause(): void {
    this.consumer.pause();
  }

  resume(): void {
    this.consumer.resume();
  }

  /**
   * Stores the offset for the next commit: the owner is done with the records before `offset`. The consumer
   * ignores an offset below the start of this assignment, because it belongs to an earlier assignment of the
   * partition.
   */
  store(place: StoredPlace, offset: number, leaderEpoch = -1): void {
    const { topic, partition } = place;
    const name = partitionName(place);
    const read = this.reading.get(name);
    const position = this.consumer.positions.get(name);
    const current = read?.onlyTopicId ?? position?.topicId ?? this.topicId(topic);
    const { topicId = current } = place;
    if (read === undefined || topicId !== current) return;
    const lowest = this.lowest.get(name);
    const isEarlier = lowest?.topicId === topicId && offset < lowest!.offset;
    if (!isEarlier) this.stored.store({ topic, topicId, partition, offset, leaderEpoch, metadata: '' });
  }

  /**
   * Commits the stored offsets. `error` undefined: it succeeded. After `close` has ended, every commit fails.
   */
  commit(done: CommitDone): void {
    if (this.hasEnded) this.options.clock.soon(() => done(CLOSED));
    else this.commits.commit(done);
  }

  /**
   * Stops reading, commits, leaves the group, and calls back, at the latest after `requestTimeoutMs`. A
   * second call waits for the end of the first call.
   */
  close(done: () => void): void {
    const { clock, requestTimeoutMs, commitsOnRevoke = true } = this.options;
    if (this.hasEnded) clock.soon(done);
    else this.closers.push(done);
    if (this.isClosed) return;
    this.isClosed = true;
    this.commitTimer?.cancel();
    this.consumer.close();
    const end = () => {
      if (this.hasEnded) return;
      this.hasEnded = true;
      deadline.cancel();
      this.commits.stop(CLOSED);
      this.offsets.close();
      this.coordinator.close();
      for (const closed of this.closers.splice(0)) closed();
    };
    const deadline = clock.setTimer(requestTimeoutMs, end);
    const leave = () => this.member.leave(end);
    // The commit may take half of the time. The other half remains for leaving the group, even if the commit
    // fails.
    if (commitsOnRevoke) this.commits.replace(leave, requestTimeoutMs / 2);
    else leave();
  }

  private topicId(topic: string): Uuid | undefined {
    return this.options.cluster.topics.get(topic)?.topicId;
  }

  private memberOf(protocol: GroupProtocol): GroupMember {
    const { clock, cluster, groupId, instanceId = null, rebalanceTimeoutMs, random } = this.options;
    const { coordinator } = this;
    const events = this.memberEvents();
    const common = { clock, cluster, coordinator, groupId, instanceId, rebalanceTimeoutMs, events };
    if (protocol.name === 'consumer') {
      const { subscription, serverAssignor } = protocol;
      return new ConsumerMember({ ...common, memberId: random.uuid(), subscription, serverAssignor });
    }
    const { topics, assignor, sessionTimeoutMs, heartbeatMs } = protocol;
    return new ClassicMember({
      ...common,
      topics,
      assignor: assignors[assignor],
      sessionTimeoutMs,
      heartbeatMs,
    });
  }

  private memberEvents(): MemberEvents {
    const { observer } = this.options;
    return {
      assigned: (partitions) => this.begin(partitions),
      revoking: (partitions, done) => {
        // The last commit is under way, and the member leaves after it.
        if (this.isClosed) return;
        const { commitsOnRevoke = true } = this.options;
        this.stopReading(partitions);
        for (const partition of partitions) this.revoking.set(partitionName(partition), partition);
        const revoked = () => {
          this.givenUp(partitions);
          done();
        };
        if (commitsOnRevoke) this.commits.replace(revoked);
        else this.commits.settled(revoked);
      },
      lost: (partitions) => {
        const all = [...partitions, ...without([...this.revoking.values()], partitions)];
        this.revoking.clear();
        this.stopReading(all);
        this.stored.forget(all);
        this.commits.stop(NOT_OWNED);
        observer.revoked?.(all, true);
      },
      failed: (error) => observer.failed(error, undefined),
      answered: (code) => observer.error?.(code),
    };
  }

  private consumerOf(): Consumer {
    const { clock, cluster, reset, observer } = this.options;
    const { usesSessions, sendsEpochs, validatesPositions, maxWaitMs, maxBytes } = this.options;
    const { versionOf, backoffMs } = this.options;
    return new Consumer({
      clock,
      cluster,
      topics: () => [],
      partitions: () => this.reading.values(),
      start: reset === 'fail' ? 'earliest' : reset,
      outOfRange: reset,
      usesSessions,
      sendsEpochs,
      validatesPositions,
      maxWaitMs,
      maxBytes,
      ...(versionOf === undefined ? {} : { versionOf }),
      ...(backoffMs === undefined ? {} : { backoffMs }),
      observer: {
        records: (position, fetched) => {
          observer.records(position, fetched);
          if (this.options.autoStore !== false) this.store(position, position.offset!, position.lastEpoch);
        },
        assigned: (position, offset, reason) => {
          // An offset below the lowest one: the log has lost its end, or the consumer begins again at the
          // start of the log.
          const { topicId } = position;
          const name = partitionName(position);
          const lowest = this.lowest.get(name);
          if (lowest !== undefined && offset < lowest.offset) this.lowest.set(name, { topicId, offset });
          observer.positioned?.(position, offset, reason);
        },
        failed: (position, error) => observer.failed(error, position),
        error: (code) => observer.error?.(code),
      },
    });
  }

  /**
   * Asks the coordinator where to begin, then begins to read. The group may take the partitions away
   * meanwhile.
   */
  private begin(partitions: readonly AssignedPartition[]): void {
    const { observer, clock } = this.options;
    if (this.isClosed) return;
    // A group that rebalances again may give a partition back before the commit for its revocation has ended.
    this.givenUp(partitions);
    for (const partition of partitions) this.starting.add(partition);
    // The topics that OffsetFetch asks about.
    const asked = new Map(partitions.map(({ topic }) => [topic, this.topicId(topic)]));
    this.offsets.fetch(partitions, (committed, error, refused) => {
      const current = partitions.filter((partition) => this.starting.has(partition));
      if (this.isClosed || current.length === 0) return;
      if (committed === undefined && !this.isRefused(error)) {
        // Here the consumer only asks again. The member's own requests find out whether it must join again,
        // or has failed.
        observer.notFetched?.(current, error ?? 'no answer');
        clock.setTimer(this.coordinator.backoffMs, () => {
          const wanted = partitions.filter((partition) => this.starting.has(partition));
          if (!this.isClosed && wanted.length > 0) this.begin(wanted);
        });
        return;
      }
      for (const partition of current) this.starting.delete(partition);
      const refusals = new Map(refused.map((one) => [partitionName(one), errorName(one.errorCode)]));
      const begun: AssignedPartition[] = [];
      for (const partition of current) {
        const refusal = committed === undefined ? error : refusals.get(partitionName(partition));
        if (refusal === undefined) begun.push(partition);
        else observer.failed(refusal, partition);
      }
      if (!this.isClosed && begun.length > 0) this.read(begun, committed ?? [], asked);
    });
  }

  /**
   * A classic group assigns topics by name. If another topic gets the name, asks again where to begin,
   * because the group may have read a part of the new topic. A KIP-848 group assigns topics by id.
   */
  private followNames(): void {
    const renamed = [...this.reading.values()].filter((place) => {
      if (place.onlyTopicId !== undefined) return false;
      const current = this.topicId(place.topic);
      // `topicId` is missing if the coordinator answered before the client knew the topic.
      const { topicId = this.consumer.positions.get(partitionName(place))?.topicId } = place;
      return topicId !== undefined && current !== undefined && current !== topicId;
    });
    if (renamed.length === 0) return;
    for (const place of renamed) this.reading.delete(partitionName(place));
    this.begin(renamed.map(({ topic, partition }) => ({ topic, partition })));
  }

  /**
   * Whether no retry of OffsetFetch would succeed. An error that says that the group or its coordinator is
   * missing does not count, because the member itself finds that out. An unknown server error does not count,
   * because it may be temporary.
   */
  private isRefused(error: string | undefined): boolean {
    if (this.coordinator.failure !== undefined) return false;
    const code = ErrorCode[error as keyof typeof ErrorCode] as number | undefined;
    if (code === ErrorCode.GROUP_ID_NOT_FOUND || code === ErrorCode.UNKNOWN_SERVER_ERROR) return false;
    return code !== undefined && groupOutcome(code) === 'fatal';
  }

  private read(
    partitions: readonly AssignedPartition[],
    committed: readonly CommittedOffset[],
    asked: ReadonlyMap<string, Uuid | undefined>,
  ): void {
    const { reset, observer } = this.options;
    const known = new Map(committed.map((offset) => [partitionName(offset), offset]));
    const starts: StartPosition[] = [];
    const owned: CommittedOffset[] = [];
    for (const { topic, topicId: onlyTopicId, partition } of partitions) {
      const name = partitionName({ topic, partition });
      const found = known.get(name);
      if (found === undefined && reset === 'fail') {
        observer.failed('no committed offset', { topic, partition });
        continue;
      }
      // An answer without ids is about the topics that had these names when the client asked.
      const topicId = found?.topicId ?? onlyTopicId ?? asked.get(topic) ?? this.topicId(topic);
      const place = { topic, ...(topicId === undefined ? {} : { topicId }), onlyTopicId, partition };
      const start: StartPosition =
        found === undefined
          ? { ...place, start: reset === 'latest' ? 'latest' : 'earliest' }
          : { ...place, start: found.offset, leaderEpoch: found.leaderEpoch };
      this.reading.set(name, start);
      this.lowest.delete(name);
      if (found !== undefined) {
        this.lowest.set(name, { topicId, offset: found.offset });
        owned.push({ ...found, topicId });
      }
      starts.push(start);
    }
    // Marks only what is still assigned: the group may have taken other partitions of the answer away.
    this.stored.isCommitted(owned);
    observer.assigned?.(starts);
    this.followNames();
    this.consumer.clusterChanged();
  }

  /** Reports the partitions whose revocation has not been reported yet. */
  private givenUp(partitions: readonly TopicPartition[]): void {
    const given = partitions.filter((partition) => this.revoking.delete(partitionName(partition)));
    if (given.length === 0) return;
    if (this.stored.forget(given)) this.commits.forgot(NOT_OWNED);
    this.options.observer.revoked?.(given, false);
  }

  private stopReading(partitions: readonly TopicPartition[]): void {
    const names = new Set(partitions.map(partitionName));
    for (const name of names) this.reading.delete(name);
    for (const partition of this.starting)
      if (names.has(partitionName(partition))) this.starting.delete(partition);
    this.consumer.clusterChanged();
  }

  private commitLater(): void {
    const { clock, autoCommitMs } = this.options;
    if (autoCommitMs === undefined || this.isClosed) return;
    this.commitTimer = clock.setTimer(autoCommitMs, () => this.commits.commit(() => this.commitLater()));
  }
}
