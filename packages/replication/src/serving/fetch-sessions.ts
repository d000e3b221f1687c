/**
 * The leader's side of fetch sessions (KIP-227). A reader sends its partitions once, and afterwards only
 * changes. The cache is bounded. When it is full, a new session replaces a less valuable one, if there is
 * one. Otherwise the reader gets no session, which only costs bytes. It also gets none if its partitions
 * would exceed the limit for all sessions.
 */
import type { LeaderEpoch, Millis, Offset, Random, Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { FetchItem, FetchRequest } from '../types.ts';
import type { FetchedPartition } from './fetch-read.ts';

/**
 * The leader may evict a session that was unused for this long, or one of equal or less value that is older
 * than this.
 */
const EVICTION_AGE_MS: Millis = 120_000;
/** Limit for all sessions together. It is needed because clients may name partitions that do not exist. */
const PARTITIONS_MAX = 250_000;
const FIRST_VERSION_WITH_SESSIONS = 7;
const FIRST_VERSION_WITH_TOPIC_IDS = 13;
const FINAL_EPOCH = -1;
const INITIAL_EPOCH = 0;
const EPOCH_MAX = 0x7fffffff;

/** A partition of a session: the reader's fetch item, and the offsets that the leader last sent. */
export class SessionPartition implements FetchItem {
  readonly key: string;
  readonly topic: string;
  readonly topicId: Uuid;
  readonly partition: number;
  fetchOffset: Offset = 0;
  currentLeaderEpoch: LeaderEpoch = -1;
  lastFetchedEpoch: LeaderEpoch = -1;
  logStartOffset: Offset = -1;
  partitionMaxBytes = 0;
  /** The high watermark that the leader last sent. -1: the next response sends it again. */
  toldHighWatermark: Offset = -1;
  toldLogStart: Offset = -1;

  constructor(key: string, item: FetchItem) {
    this.key = key;
    this.topic = item.topic;
    this.topicId = item.topicId;
    this.partition = item.partition;
    this.update(item);
  }

  update(item: FetchItem): void {
    // The reader may have ignored a response that it got in another epoch.
    if (item.currentLeaderEpoch !== this.currentLeaderEpoch) this.toldHighWatermark = -1;
    this.fetchOffset = item.fetchOffset;
    this.currentLeaderEpoch = item.currentLeaderEpoch;
    this.lastFetchedEpoch = item.lastFetchedEpoch;
    this.logStartOffset = item.logStartOffset;
    this.partitionMaxBytes = item.partitionMaxBytes;
  }

  /** Stores the offsets of a response. Returns whether an incremental response must include the partition. */
  tell(fetched: FetchedPartition): boolean {
    if (fetched.errorCode !== ErrorCode.NONE) {
      this.toldHighWatermark = -1;
      return true;
    }
    const isNews =
      fetched.sizeBytes > 0 ||
      fetched.divergingEpoch !== undefined ||
      fetched.highWatermark !== this.toldHighWatermark ||
      fetched.logStartOffset !== this.toldLogStart;
    this.toldHighWatermark = fetched.divergingEpoch === undefined ? fetched.highWatermark : -1;
    this.toldLogStart = fetched.logStartOffset;
    return isNews;
  }
}

export class FetchSession {
  readonly id: number;
  /** The cache evicts followers' sessions last. */
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
    if (known === undefined) this.partitions.set(key, new SessionPartition(key, item));
    else known.update(item);
  }

  forget(topic: { readonly topic: string; readonly topicId: Uuid }, partition: number): void {
    this.partitions.delete(this.keyOf(topic, partition));
  }

  /**
   * Called for a partition that had data, so that the next fetch reads the others first. Must not be called
   * while iterating `partitions`.
   */
  moveToEnd(item: SessionPartition): void {
    if (this.partitions.delete(item.key)) this.partitions.set(item.key, item);
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
  /** The response contains only partitions with news. */
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
      if (sessionId !== 0) this.sessions.delete(sessionId);
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
    if (size === 0 || (size > sizeBefore && !this.hasRoomFor(size))) return sessionless(request);
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
    this.sessions.delete(victim.id);
    return true;
  }

  private unused(now: Millis): FetchSession | undefined {
    for (const session of this.sessions.values())
      return now - session.lastUsedMs > EVICTION_AGE_MS ? session : undefined;
    return undefined;
  }

  /** Returns the session of least value, if the new session is worth at least as much. */
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

/** Returns each partition once. If the request repeats one, the last item counts, as in Kafka. */
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
