/**
 * The leader's side of fetch sessions (KIP-227). A reader sends its partitions once, and afterwards only
 * changes. The cache of sessions is bounded. When the cache is full, a new session may replace a session that
 * is unused, or that has no higher value than the new one (see `EVICTION_AGE_MS`). If it may replace none,
 * the reader gets no session, and must name all its partitions in each request. The reader also gets no
 * session if its partitions would exceed the limit for all sessions.
 */
import type { Millis, Random, Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { FetchWaiter } from '../partition/ports.ts';
import type { FetchItem, FetchRequest } from '../types.ts';
import type { Reader } from './fetch-read.ts';
import { type PartitionHolder, SessionPartition } from './session-partition.ts';

/**
 * The leader may evict a session that was unused for longer than this. It may also evict a session that was
 * created longer ago than this, if the new session has at least as many partitions. A follower's session may
 * replace a consumer's session of any age.
 */
const EVICTION_AGE_MS: Millis = 120_000;
/** The most partitions of all sessions together. A client may name many partitions that do not exist. */
const PARTITIONS_MAX = 250_000;
const FIRST_VERSION_WITH_SESSIONS = 7;
const FIRST_VERSION_WITH_TOPIC_IDS = 13;
const FINAL_EPOCH = -1;
const INITIAL_EPOCH = 0;
const EPOCH_MAX = 0x7fffffff;
/** The reader of a session before its first fetch. */
const NOBODY: Reader = { replicaId: -1, replicaEpoch: -1, isFollower: false, readsCommitted: false };

export class FetchSession implements PartitionHolder {
  readonly id: number;
  /** A consumer's session replaces a follower's session only if the follower's session is unused. */
  readonly isFollower: boolean;
  readonly usesTopicIds: boolean;
  readonly createdMs: Millis;
  lastUsedMs: Millis;
  /** The session epoch that the next request must carry. */
  nextEpoch = 1;
  /** True if the last response was empty although there may have been news. */
  owesNews = false;
  /** The session's partitions, in the order in which a fetch reads them. */
  readonly partitions = new Map<string, SessionPartition>();
  /** The session's parked fetches. A reader has one at a time, unless it breaks the protocol. */
  readonly parked = new Set<FetchWaiter>();
  reader = NOBODY;
  reports = false;
  lastReportMs: Millis = Number.NEGATIVE_INFINITY;
  /** The partitions that the next fetch visits. session-partition.ts says why the others may be skipped. */
  private readonly touchedItems = new Set<SessionPartition>();
  private nextPosition = 0;

  constructor(options: { id: number; isFollower: boolean; usesTopicIds: boolean; now: Millis }) {
    this.id = options.id;
    this.isFollower = options.isFollower;
    this.usesTopicIds = options.usesTopicIds;
    this.createdMs = options.now;
    this.lastUsedMs = options.now;
  }

  put(item: FetchItem): void {
    const key = this.keyOf(item, item.partition);
    const known = this.partitions.get(key);
    if (known !== undefined) {
      known.update(item);
      return;
    }
    const added = new SessionPartition(this, { key, position: this.nextPosition++ }, item);
    this.partitions.set(key, added);
    this.touchedItems.add(added);
  }

  forget(topic: { readonly topic: string; readonly topicId: Uuid }, partition: number): void {
    const key = this.keyOf(topic, partition);
    const forgotten = this.partitions.get(key);
    if (forgotten === undefined) return;
    this.partitions.delete(key);
    this.touchedItems.delete(forgotten);
    forgotten.end();
  }

  /**
   * Called for each request, after its changes and before the leader reads. `reports`: true if a follower
   * sent the request, and its reports count. If `reports` or the reader changed since the last request, the
   * leader visits all partitions.
   */
  begin(reader: Reader, o: { readonly reports: boolean; readonly now: Millis }): void {
    const known = this.reader;
    const isSame =
      known.replicaId === reader.replicaId &&
      known.replicaEpoch === reader.replicaEpoch &&
      known.readsCommitted === reader.readsCommitted;
    if (!isSame || this.reports !== o.reports) for (const item of this.partitions.values()) item.touch();
    this.reader = reader;
    this.reports = o.reports;
    if (o.reports) this.lastReportMs = o.now;
  }

  get touchedCount(): number {
    return this.touchedItems.size;
  }

  /** The partitions that a fetch must visit, in the order of the session. */
  touchedPartitions(): SessionPartition[] {
    return [...this.touchedItems].sort((a, b) => a.position - b.position);
  }

  touched(item: SessionPartition): void {
    this.touchedItems.add(item);
  }

  /**
   * Called when a visit found nothing to read and nothing to tell. The leader always visits partitions that
   * the reader names without a topic id, because another topic may get the name.
   */
  settle(item: SessionPartition): void {
    if (this.usesTopicIds && item.settle()) this.touchedItems.delete(item);
  }

  notify(sizeBytes: number): void {
    for (const fetch of this.parked) fetch.notify(sizeBytes);
  }

  /**
   * Called when the cache dropped the session. Wakes its parked fetches, because its partitions do not wake
   * them from now on.
   */
  end(): void {
    for (const item of this.partitions.values()) item.end();
    this.notify(Number.POSITIVE_INFINITY);
  }

  /**
   * Called for a partition that had data, so that the next fetch reads the others first. Must not be called
   * while iterating `partitions`.
   */
  moveToEnd(item: SessionPartition): void {
    if (!this.partitions.delete(item.key)) return;
    this.partitions.set(item.key, item);
    item.position = this.nextPosition++;
  }

  private keyOf(topic: { readonly topic: string; readonly topicId: Uuid }, partition: number): string {
    return `${this.usesTopicIds ? topic.topicId : topic.topic}-${partition}`;
  }
}

/** The session and the items with which to serve a fetch request. */
export interface OpenedFetch {
  readonly items: Iterable<FetchItem>;
  /** The id of the session; 0: the reader gets no session. */
  readonly sessionId: number;
  readonly session: FetchSession | undefined;
  /** True if the response contains only partitions with news. */
  readonly isIncremental: boolean;
}

export class FetchSessions {
  private readonly slotsMax: number;
  private readonly random: Random;
  /** The sessions by id, the least recently used first. */
  private readonly sessions = new Map<number, FetchSession>();

  constructor(slotsMax: number, random: Random) {
    this.slotsMax = slotsMax;
    this.random = random;
  }

  get size(): number {
    return this.sessions.size;
  }

  /** Returns the session for the request, or an error for the whole request. */
  open(request: FetchRequest, isFollower: boolean, now: Millis): OpenedFetch | ErrorCode {
    const { sessionId, sessionEpoch, version } = request;
    if (version < FIRST_VERSION_WITH_SESSIONS) return sessionless(request);
    if (sessionEpoch === FINAL_EPOCH || sessionEpoch === INITIAL_EPOCH) {
      this.drop(this.sessions.get(sessionId));
      return sessionEpoch === FINAL_EPOCH ? sessionless(request) : this.create(request, isFollower, now);
    }
    const session = this.sessions.get(sessionId);
    if (session === undefined) return ErrorCode.FETCH_SESSION_ID_NOT_FOUND;
    if (session.nextEpoch !== sessionEpoch) return ErrorCode.INVALID_FETCH_SESSION_EPOCH;
    if (session.usesTopicIds !== version >= FIRST_VERSION_WITH_TOPIC_IDS)
      return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR;
    return this.resume(session, request, now);
  }

  private resume(session: FetchSession, request: FetchRequest, now: Millis): OpenedFetch {
    const sizeBefore = session.partitions.size;
    for (const item of itemsOf(request)) session.put(item);
    for (const forgotten of request.forgottenTopicsData)
      for (const partition of forgotten.partitions) session.forget(forgotten, partition);
    this.sessions.delete(session.id);
    const { size } = session.partitions;
    if (size === 0 || (size > sizeBefore && !this.hasRoomFor(size))) {
      session.end();
      return sessionless(request);
    }
    this.sessions.set(session.id, session);
    session.lastUsedMs = now;
    session.nextEpoch = session.nextEpoch === EPOCH_MAX ? 1 : session.nextEpoch + 1;
    return { items: session.partitions.values(), sessionId: session.id, session, isIncremental: true };
  }

  private create(request: FetchRequest, isFollower: boolean, now: Millis): OpenedFetch {
    const items = itemsOf(request);
    if (items.length === 0 || !this.hasRoomFor(items.length)) return sessionless(request);
    if (!this.makeRoom(isFollower, items.length, now)) return sessionless(request);
    const usesTopicIds = request.version >= FIRST_VERSION_WITH_TOPIC_IDS;
    const session = new FetchSession({ id: this.drawId(), isFollower, usesTopicIds, now });
    for (const item of items) session.put(item);
    this.sessions.set(session.id, session);
    return { items: session.partitions.values(), sessionId: session.id, session, isIncremental: false };
  }

  private drawId(): number {
    for (;;) {
      const id = this.random.below(EPOCH_MAX) + 1;
      if (!this.sessions.has(id)) return id;
    }
  }

  private hasRoomFor(partitionCount: number): boolean {
    let total = partitionCount;
    for (const { partitions } of this.sessions.values()) total += partitions.size;
    return total <= PARTITIONS_MAX;
  }

  private makeRoom(isFollower: boolean, partitionCount: number, now: Millis): boolean {
    if (this.sessions.size < this.slotsMax) return true;
    const victim = this.unused(now) ?? this.leastValuable(isFollower, partitionCount, now);
    if (victim === undefined) return false;
    this.drop(victim);
    return true;
  }

  private drop(session: FetchSession | undefined): void {
    if (session === undefined) return;
    this.sessions.delete(session.id);
    session.end();
  }

  private unused(now: Millis): FetchSession | undefined {
    for (const session of this.sessions.values())
      return now - session.lastUsedMs > EVICTION_AGE_MS ? session : undefined;
    return undefined;
  }

  /**
   * Returns the session of least value, if the new session may replace it. A consumer's session has less
   * value than a follower's. Of two sessions of the same kind, the one with fewer partitions has less value.
   */
  private leastValuable(isFollower: boolean, partitionCount: number, now: Millis): FetchSession | undefined {
    let least: FetchSession | undefined;
    for (const session of this.sessions.values())
      if (least === undefined || isWorthLess(session, least)) least = session;
    if (least === undefined) return undefined;
    if (isFollower && !least.isFollower) return least;
    if (least.isFollower !== isFollower || now - least.createdMs <= EVICTION_AGE_MS) return undefined;
    return least.partitions.size <= partitionCount ? least : undefined;
  }
}

function isWorthLess(a: FetchSession, b: FetchSession): boolean {
  if (a.isFollower !== b.isFollower) return !a.isFollower;
  return a.partitions.size < b.partitions.size;
}

function sessionless(request: FetchRequest): OpenedFetch {
  return { items: itemsOf(request), sessionId: 0, session: undefined, isIncremental: false };
}

/** Returns each partition once. If the request repeats a partition, its last item counts, as in Kafka. */
function itemsOf({ version, topics }: FetchRequest): FetchItem[] {
  const usesTopicIds = version >= FIRST_VERSION_WITH_TOPIC_IDS;
  const items: FetchItem[] = [];
  const places = new Map<string, Map<number, number>>();
  for (const { topic, topicId, partitions } of topics) {
    const key = usesTopicIds ? topicId : topic;
    const placeOf = places.get(key) ?? new Map<number, number>();
    places.set(key, placeOf);
    for (const wanted of partitions) {
      const place = placeOf.get(wanted.partition) ?? items.length;
      placeOf.set(wanted.partition, place);
      items[place] = {
        topic,
        topicId,
        partition: wanted.partition,
        fetchOffset: wanted.fetchOffset,
        currentLeaderEpoch: wanted.currentLeaderEpoch,
        lastFetchedEpoch: wanted.lastFetchedEpoch,
        logStartOffset: wanted.logStartOffset,
        partitionMaxBytes: wanted.partitionMaxBytes,
      };
    }
  }
  return items;
}
