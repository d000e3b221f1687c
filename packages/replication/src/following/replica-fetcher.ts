/**
 * A replica fetcher (Kafka's ReplicaFetcherThread) copies the partitions that one leader broker leads. It
 * fetches the records after the end of this broker's logs and appends them. It truncates a log if the leader
 * epochs show that the log diverged from the leader's (KIP-595). A partition belongs to at most one fetcher.
 */
import type {
  Address,
  BrokerEpoch,
  Deadline,
  DueCallback,
  LeaderEpoch,
  Logger,
  Millis,
  Net,
  NodeId,
  Offset,
  Timers,
} from '@millrace/base';
import { apis, ErrorCode, errorName, type ResponseOf, type SpareBuffers } from '@millrace/protocol';
import type { ReplicationConfig } from '../config.ts';
import type { Partition } from '../partition/partition.ts';
import type { Divergence, FetchItem } from '../types.ts';
import { FetchSessionHandler, itemKey } from './fetch-session-handler.ts';
import { LeaderConnection } from './leader-connection.ts';

const FETCH_VERSION = apis.fetch.maxVersion;
const LIST_OFFSETS_VERSION = 9;
const LATEST = -1;
const EARLIEST = -2;
const CONNECT_TIMEOUT_MS: Millis = 10_000;
/** How often the fetcher checks whether a partition that lacks room has room again. */
const NO_ROOM_PAUSE_MS: Millis = 1000;

type FetchedTopics = ResponseOf<typeof apis.fetch>['responses'];
type Fetched = FetchedTopics[number]['partitions'][number];

export interface ReplicaFetcherPorts {
  readonly brokerId: NodeId;
  readonly net: Net;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly config: ReplicationConfig;
  /** This broker's spare buffers. Each connection gets a pool of its own, made with `sibling`. */
  readonly spares: SpareBuffers;
  /** The epoch of this broker's registration; -1 before there is one. */
  brokerEpoch(): BrokerEpoch;
}

/** The fetcher's state of one partition in one leader epoch. A new epoch gets a new object. */
interface FollowedPartition {
  readonly partition: Partition;
  readonly leaderEpoch: LeaderEpoch;
  /**
   * `fetching`: fetches records. `latest` or `earliest`: asks for the leader's log end or start. `stopped`:
   * waits for new metadata.
   */
  phase: 'fetching' | 'latest' | 'earliest' | 'stopped';
  /**
   * True after an append that found no room, until the fetcher sees that there is room again. Meanwhile the
   * fetcher does not fetch this partition.
   */
  lacksRoom: boolean;
  /** The fetcher asks nothing about the partition before this time. */
  readyAtMs: Millis;
  /** The fetch offset in the fetch session; -1: the session does not fetch this partition. */
  askedOffset: Offset;
  /** The last fetch item. Reused while nothing changes. */
  item: FetchItem | undefined;
}

export class ReplicaFetcher {
  readonly leaderId: NodeId;
  private readonly ports: ReplicaFetcherPorts;
  private readonly followed = new Map<string, FollowedPartition>();
  /**
   * Keys of the partitions that must be re-evaluated before the next request. The fetch session keeps the
   * items of all others.
   */
  private readonly touched = new Set<string>();
  private readonly session = new FetchSessionHandler();
  private address: Address;
  /** When the latest fetch was sent. */
  private askedAtMs: Millis = 0;
  private connection: LeaderConnection | undefined;
  private connectNotBefore: Millis = 0;
  private wakeUp: Deadline<DueCallback> | undefined;
  /** True if partitions were added in this turn. */
  private isJoining = false;
  private isClosed = false;

  constructor(leaderId: NodeId, address: Address, ports: ReplicaFetcherPorts) {
    this.leaderId = leaderId;
    this.address = address;
    this.ports = ports;
  }

  get size(): number {
    return this.followed.size;
  }

  /** Starts to follow the partition, or starts again in the partition's present leader epoch. */
  add(partition: Partition): void {
    const key = itemKey(keyOf(partition));
    this.touched.add(key);
    partition.onStartAdvanced = () => {
      if (this.followed.get(key)?.partition === partition) this.touched.add(key);
    };
    this.followed.set(key, {
      partition,
      leaderEpoch: partition.leaderEpoch,
      phase: 'fetching',
      lacksRoom: false,
      readyAtMs: 0,
      askedOffset: -1,
      item: undefined,
    });
    if (this.isJoining) return;
    this.isJoining = true;
    this.ports.timers.soon(() => this.join());
  }

  /** Fetches the partitions that were added in this turn, all in one request. */
  private join(): void {
    this.isJoining = false;
    // The leader may have parked the fetch in flight for a long wait. Until the leader answers it,
    // acknowledgements of the added partitions wait for this follower.
    if (this.connection?.isBusy) this.connection.hurry();
    else this.proceed();
  }

  remove(partition: Partition): void {
    const key = itemKey(keyOf(partition));
    this.followed.delete(key);
    this.touched.delete(key);
    this.session.drop(key);
    if (this.followed.size === 0) this.disconnect('nothing to follow');
    // The next request may wait for the fsync of this partition (see `ask`), whose callback may never come.
    else if (this.connection?.isBusy === false) this.wakeAfter(0);
  }

  /** Connects again, because the leader registered again, perhaps with another endpoint. */
  moveTo(address: Address): void {
    this.address = address;
    this.connectNotBefore = 0;
    this.disconnect('the leader registered again');
    this.proceed();
  }

  /**
   * Marks every partition for re-evaluation. A replica may be offline now, or may need an fsync before this
   * follower reports the end of its log.
   */
  recheckPartitions(): void {
    for (const key of this.followed.keys()) this.touched.add(key);
  }

  close(): void {
    this.isClosed = true;
    this.followed.clear();
    this.touched.clear();
    this.disconnect('closed');
  }

  /**
   * Connects, or sends the next request, if possible now. Only this method starts connections and requests,
   * except that `join` may hurry the leader.
   */
  proceed(): void {
    if (this.isClosed || this.followed.size === 0 || this.ports.brokerEpoch() < 0) return;
    const { connection } = this;
    if (connection === undefined) this.connect();
    else if (connection.isOpen && !connection.isBusy) this.ask(connection);
  }

  private connect(): void {
    const { timers, config } = this.ports;
    const waitMs = this.connectNotBefore - timers.now();
    if (waitMs > 0) {
      this.wakeAfter(waitMs);
      return;
    }
    this.session.reset();
    this.connection = new LeaderConnection(
      {
        net: this.ports.net,
        address: this.address,
        timers,
        clientId: `broker-${this.ports.brokerId}-fetcher`,
        requestTimeoutMs: config.replicaSocketTimeoutMs,
        connectTimeoutMs: Math.min(CONNECT_TIMEOUT_MS, config.replicaSocketTimeoutMs),
        frameBytesMax: config.maxResponseFrameBytes,
        spares: this.ports.spares.sibling(),
      },
      {
        opened: () => this.proceed(),
        closed: (reason) => {
          this.ports.logger.info('fetcher-disconnected', { leader: this.leaderId, reason });
          this.connection = undefined;
          this.connectNotBefore = timers.now() + config.fetchBackoffMs;
          this.proceed();
        },
      },
    );
  }

  private disconnect(reason: string): void {
    this.ports.timers.cancel(this.wakeUp);
    this.wakeUp = undefined;
    this.connection?.abandon(reason);
    this.connection = undefined;
  }

  private wakeAfter(delayMs: Millis): void {
    this.ports.timers.cancel(this.wakeUp);
    this.wakeUp = this.ports.timers.after(delayMs, () => this.proceed());
  }

  // ------------------------------------------------------------------ requests

  private ask(connection: LeaderConnection): void {
    const lost: FollowedPartition[] = [];
    const now = this.ports.timers.now();
    let nextReadyMs = Number.POSITIVE_INFINITY;
    for (const key of this.touched) {
      const followed = this.followed.get(key)!;
      const { partition, phase } = followed;
      const isStopped = phase === 'stopped' || partition.isOffline || partition.isClosed;
      // Without room, another fetch from the same offset would only cost the leader a read. Also, the leader
      // might see that this follower has reached the high watermark, and add it to the ISR, although the
      // follower cannot append. With room, clear `lacksRoom`. Otherwise the follower would stop fetching as
      // soon as a new shortage begins, before it has reported the records that it has appended meanwhile.
      if (partition.shortage === undefined) followed.lacksRoom = false;
      else if (followed.lacksRoom) followed.readyAtMs = now + NO_ROOM_PAUSE_MS;
      const mustWait = followed.readyAtMs > now;
      if (isStopped || mustWait || phase !== 'fetching') {
        this.session.drop(key);
        followed.askedOffset = -1;
        if (isStopped) this.touched.delete(key);
        else if (mustWait) nextReadyMs = Math.min(nextReadyMs, followed.readyAtMs);
        else lost.push(followed);
        continue;
      }
      // The fetch offset tells the leader which records this follower holds. With flush.messages=1 only
      // synced records count, so the fetch waits for the fsync. The other partitions wait, too. Otherwise the
      // leader might park a fetch without this partition, and this partition's acknowledgements would wait
      // for longer than an fsync.
      if (partition.ownEnd < partition.log.endOffset) {
        partition.onSynced = () => this.proceed();
        partition.flushIfDue();
        return;
      }
      this.session.want(key, this.itemOf(followed));
      this.touched.delete(key);
    }
    if (lost.length > 0) this.askOffsets(connection, lost);
    else if (this.session.size > 0) this.askRecords(connection, nextReadyMs - now);
    else if (nextReadyMs < Number.POSITIVE_INFINITY) this.wakeAfter(nextReadyMs - now);
  }

  private itemOf(followed: FollowedPartition): FetchItem {
    const { partition, item } = followed;
    const { log } = partition;
    followed.askedOffset = log.endOffset;
    const isSame =
      item !== undefined &&
      item.fetchOffset === log.endOffset &&
      item.lastFetchedEpoch === log.epochs.latest &&
      item.logStartOffset === log.startOffset;
    if (isSame) return item;
    followed.item = {
      topic: partition.topic,
      topicId: partition.topicId,
      partition: partition.index,
      fetchOffset: log.endOffset,
      currentLeaderEpoch: followed.leaderEpoch,
      lastFetchedEpoch: log.epochs.latest,
      logStartOffset: log.startOffset,
      partitionMaxBytes: this.ports.config.fetchMaxBytes,
    };
    return followed.item;
  }

  private askRecords(connection: LeaderConnection, waitMs: Millis): void {
    const { config, brokerId } = this.ports;
    this.askedAtMs = this.ports.timers.now();
    connection.request(
      apis.fetch,
      FETCH_VERSION,
      {
        replicaState: { replicaId: brokerId, replicaEpoch: this.ports.brokerEpoch() },
        maxWaitMs: Math.max(0, Math.ceil(Math.min(config.fetchWaitMaxMs, waitMs))),
        minBytes: config.fetchMinBytes,
        maxBytes: config.fetchResponseMaxBytes,
        isolationLevel: 0,
        ...this.session.build(),
      },
      (response) => this.fetched(response),
    );
  }

  /**
   * Asks where the leader's log ends or begins. Called if a log of this broker ends outside of the leader's
   * log.
   */
  private askOffsets(connection: LeaderConnection, lost: readonly FollowedPartition[]): void {
    const topics = new Map<string, { name: string; partitions: ListedPartition[] }>();
    for (const { partition, leaderEpoch, phase } of lost) {
      const topic = topics.get(partition.topic) ?? { name: partition.topic, partitions: [] };
      topics.set(partition.topic, topic);
      topic.partitions.push({
        partitionIndex: partition.index,
        currentLeaderEpoch: leaderEpoch,
        timestamp: phase === 'latest' ? LATEST : EARLIEST,
      });
    }
    connection.request(
      apis.listOffsets,
      LIST_OFFSETS_VERSION,
      { replicaId: this.ports.brokerId, topics: [...topics.values()] },
      (response) => {
        for (const topic of response.topics)
          for (const answer of topic.partitions) {
            const followed = lost.find(
              ({ partition }) => partition.topic === topic.name && partition.index === answer.partitionIndex,
            );
            if (followed !== undefined && this.isFollowed(followed)) this.located(followed, answer);
          }
        this.proceed();
      },
    );
  }

  // ------------------------------------------------------------------ responses

  private fetched(response: ResponseOf<typeof apis.fetch>): void {
    if (!this.session.accept(response)) {
      const { errorCode } = response;
      this.ports.logger.debug('fetch-session-refused', {
        leader: this.leaderId,
        error: errorName(errorCode),
      });
      this.wakeAfter(this.ports.config.fetchBackoffMs);
      return;
    }
    for (const { topicId, partitions } of response.responses)
      for (const fetched of partitions) {
        const key = itemKey({ topicId, partition: fetched.partitionIndex });
        const followed = this.followed.get(key);
        // Since the request, the partition may have another leader or leader epoch.
        if (followed === undefined || !isCurrent(followed)) continue;
        if (followed.askedOffset !== followed.partition.log.endOffset) continue;
        this.touched.add(key);
        this.take(followed, fetched);
      }
    this.proceed();
  }

  private isFollowed(followed: FollowedPartition): boolean {
    return this.followed.get(itemKey(keyOf(followed.partition))) === followed && isCurrent(followed);
  }

  private take(followed: FollowedPartition, fetched: Fetched): void {
    switch (fetched.errorCode) {
      case ErrorCode.NONE:
        if (fetched.divergingEpoch.endOffset >= 0) this.truncate(followed, fetched.divergingEpoch);
        else this.append(followed, fetched);
        return;
      case ErrorCode.OFFSET_OUT_OF_RANGE:
        this.logFetchError(followed, fetched.errorCode);
        followed.phase = 'latest';
        return;
      case ErrorCode.FENCED_LEADER_EPOCH:
        // There is a newer leader epoch. The partition is added again when the metadata has that epoch.
        this.logFetchError(followed, fetched.errorCode);
        followed.phase = 'stopped';
        return;
      case ErrorCode.UNKNOWN_LEADER_EPOCH:
      case ErrorCode.UNKNOWN_TOPIC_ID:
      case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
      case ErrorCode.NOT_LEADER_OR_FOLLOWER:
        // Most often this broker has newer metadata than the leader. The leader then waited for newer
        // metadata before it answered (fetch-service.ts), so the pause counts from the request.
        this.delay(followed, this.askedAtMs);
        this.logFetchError(followed, fetched.errorCode);
        return;
      default:
        this.delay(followed);
        this.logFetchError(followed, fetched.errorCode);
    }
  }

  private logFetchError({ partition }: FollowedPartition, errorCode: number): void {
    this.ports.logger.debug('replica-fetch-refused', {
      ...partition.facts(),
      leader: this.leaderId,
      error: errorName(errorCode),
    });
  }

  private append(followed: FollowedPartition, fetched: Fetched): void {
    const { partition } = followed;
    if (fetched.records !== null && fetched.records.length > 0) {
      const errorCode = partition.appendAsFollower(fetched.records, fetched.highWatermark);
      if (errorCode !== ErrorCode.NONE) {
        followed.lacksRoom = partition.shortage !== undefined;
        // The disk may be full although there seems to be room (a quota, no inodes, min.free.bytes=0). Only
        // an append shows whether there is room again. Outside of the ISR nobody waits for this follower, so
        // it tries less often.
        const isFull = errorCode === ErrorCode.KAFKA_STORAGE_ERROR && !followed.lacksRoom;
        if (isFull && !partition.isr.includes(this.ports.brokerId))
          followed.readyAtMs = this.ports.timers.now() + this.ports.config.replicaLagTimeMaxMs;
        else this.delay(followed);
        return;
      }
    }
    partition.learnFromLeader(fetched);
  }

  /**
   * KIP-595: truncates to the point where both logs last agreed, as far as this response shows. The next
   * response may show an earlier point.
   */
  private truncate(followed: FollowedPartition, diverging: Divergence): void {
    const { partition } = followed;
    const { log } = partition;
    const before = { end: log.endOffset, epoch: log.epochs.latest };
    const own = log.endOffsetForEpoch(diverging.epoch);
    const ownEnd = own.endOffset < 0 ? partition.highWatermark : own.endOffset;
    partition.truncateTo(Math.min(ownEnd, diverging.endOffset, log.endOffset), 'diverged');
    if (log.endOffset === before.end && log.epochs.latest === before.epoch) this.delay(followed);
  }

  /** Takes the response with the leader's log end (phase latest) or start (phase earliest). */
  private located(
    followed: FollowedPartition,
    answer: { readonly errorCode: number; readonly offset: Offset },
  ): void {
    const { partition } = followed;
    if (answer.errorCode !== ErrorCode.NONE || answer.offset < 0) {
      if (answer.errorCode === ErrorCode.FENCED_LEADER_EPOCH) followed.phase = 'stopped';
      else this.delay(followed);
      return;
    }
    if (followed.phase === 'latest' && answer.offset >= partition.log.endOffset) {
      followed.phase = 'earliest';
      return;
    }
    if (followed.phase === 'latest') partition.truncateTo(answer.offset, 'leader-ends-earlier');
    else if (answer.offset > partition.log.endOffset)
      partition.restartAt(answer.offset, 'leader-begins-later');
    followed.phase = 'fetching';
  }

  private delay(followed: FollowedPartition, sinceMs = this.ports.timers.now()): void {
    followed.readyAtMs = sinceMs + this.ports.config.fetchBackoffMs;
  }
}

function isCurrent({ partition, leaderEpoch }: FollowedPartition): boolean {
  return partition.role === 'follower' && partition.leaderEpoch === leaderEpoch && !partition.isOffline;
}

interface ListedPartition {
  partitionIndex: number;
  currentLeaderEpoch: LeaderEpoch;
  timestamp: number;
}

function keyOf(partition: Partition): { topicId: Partition['topicId']; partition: number } {
  return { topicId: partition.topicId, partition: partition.index };
}
