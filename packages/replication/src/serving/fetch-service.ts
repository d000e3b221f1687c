/**
 * Answers fetches of consumers and followers: at once, or parked until enough can be read, something else
 * changed, or the wait is over. Parked ones that were woken are answered together at the end of the turn, so
 * that many appends make one response.
 */
import type { BrokerEpoch, Clock, Deadline, Millis, NodeId, Random } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { Partition } from '../partition/partition.ts';
import type { FetchWaiter } from '../partition/ports.ts';
import type { DueCallback, Timers } from '../timers.ts';
import type { CurrentLeader, FetchItem, FetchRequest, FetchResponse, RunningFetch } from '../types.ts';
import {
  type FetchedPartition,
  failedFetch,
  inspect,
  type Reader,
  readPartition,
  visibleEnd,
} from './fetch-read.ts';
import { FetchSessions, type OpenedFetch, SessionPartition } from './fetch-sessions.ts';

export interface FetchPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly responseBytesMax: number;
  readonly sessionsMax: number;
  readonly parkedMax: number;
  /** The hosted partition, or why there is none. */
  find(item: FetchItem, usesTopicIds: boolean): Partition | FetchMiss;
  /** Of the broker's current registration in the metadata; undefined when it has none. */
  registeredEpoch(brokerId: NodeId): BrokerEpoch | undefined;
}

export interface FetchMiss {
  readonly errorCode: ErrorCode;
  readonly currentLeader: CurrentLeader | undefined;
}

const STORAGE_ERROR_SINCE = 6;
/** No fetch is parked for longer: an empty answer is no harm. */
const WAIT_MS_MAX: Millis = 300_000;

/** For each item of a fetch. Of one turn: a partition may be gone in the next one. */
type Found = readonly (Partition | FetchMiss)[];

interface Read {
  readonly found: Found;
  /** Without what the reader's session knows already. */
  readonly fetched: {
    readonly item: FetchItem;
    readonly data: FetchedPartition;
    /** The follower knows more than this broker, as yet: its error can wait. */
    readonly isEarly: boolean;
  }[];
  readonly sizeBytes: number;
  /** Has an error or a divergence: not worth waiting for more. */
  readonly isUrgent: boolean;
}

export class FetchService {
  readonly sessions: FetchSessions;
  readonly parked = new Set<ParkedFetch>();
  private readonly ports: FetchPorts;
  private woken: ParkedFetch[] = [];
  /** Parked, and ask for partitions that are not here yet. */
  private readonly early = new Set<ParkedFetch>();

  constructor(ports: FetchPorts) {
    this.ports = ports;
    this.sessions = new FetchSessions(ports.sessionsMax, ports.random);
  }

  fetch(request: FetchRequest, done: (response: FetchResponse) => void): RunningFetch {
    const reader = readerOf(request);
    const opened = this.sessions.open(request, reader.isFollower, this.ports.timers.now());
    if (typeof opened === 'number') {
      done({ errorCode: opened, sessionId: 0, responses: [] });
      return { cancel: () => {}, followed: () => {} };
    }
    const fetch = new ParkedFetch(this, { request, reader, opened, done });
    const read = this.read(fetch, { isReport: reader.isFollower });
    const bytesMin = Math.min(request.minBytes, this.responseBytesMax(request));
    const isEnough = read.isUrgent || read.sizeBytes >= bytesMin || fetch.items.length === 0;
    const mustAnswer = request.maxWaitMs <= 0 || this.parked.size >= this.ports.parkedMax;
    if (isEnough || mustAnswer) done(respond(fetch, read, { withEarly: mustAnswer }));
    else this.park(fetch, read.found, bytesMin - read.sizeBytes);
    return {
      cancel: () => this.unpark(fetch),
      followed: () => {
        if (reader.isFollower) this.answerOvertaken(fetch);
      },
    };
  }

  /** Registrations changed: what a parked follower reported may count now. */
  brokersChanged(brokers: ReadonlySet<NodeId>): void {
    for (const fetch of this.parked)
      if (fetch.reader.isFollower && brokers.has(fetch.reader.replicaId)) this.recordFollower(fetch);
  }

  /** The metadata moved: what followers asked for too early may be here now. */
  partitionsChanged(): void {
    for (const fetch of this.early)
      if (fetch.items.some((item) => fetch.missing.has(item) && this.find(fetch, item) instanceof Partition))
        fetch.notify(Number.POSITIVE_INFINITY);
  }

  /** Answers whoever is still parked, now. */
  close(): void {
    for (const fetch of [...this.parked]) this.answerParked(fetch, { withEarly: true });
  }

  /** At the end of the turn. */
  wake(fetch: ParkedFetch): void {
    this.woken.push(fetch);
    if (this.woken.length === 1) this.ports.clock.soon(() => this.answerWoken());
  }

  private answerWoken(): void {
    const { woken } = this;
    this.woken = [];
    for (const fetch of woken) this.answerParked(fetch, { withEarly: false });
  }

  private answerParked(fetch: ParkedFetch, how: { readonly withEarly: boolean }): void {
    if (!this.parked.has(fetch)) return;
    this.unpark(fetch);
    fetch.done(respond(fetch, this.read(fetch, { isReport: false }), how));
  }

  /**
   * The follower asks again at once: where nothing happened while the fetch was parked, its partitions are
   * not read. A high watermark that moved before is told with the next answer, also when that one is
   * overtaken too.
   */
  private answerOvertaken(fetch: ParkedFetch): void {
    const { isIncremental, sessionId, session } = fetch.opened;
    const isQuiet = isIncremental && session?.owesNews === false && !fetch.wasNotified;
    if (!isQuiet || !this.parked.has(fetch)) {
      this.answerParked(fetch, { withEarly: false });
      return;
    }
    session.owesNews = true;
    this.unpark(fetch);
    fetch.done({ errorCode: ErrorCode.NONE, sessionId, responses: [] });
  }

  private park(fetch: ParkedFetch, found: Found, missingBytes: number): void {
    fetch.missingBytes = missingBytes;
    this.parked.add(fetch);
    fetch.deadline = this.ports.timers.after(Math.min(fetch.request.maxWaitMs, WAIT_MS_MAX), () =>
      this.answerParked(fetch, { withEarly: true }),
    );
    for (const [index, partition] of found.entries()) {
      if (partition instanceof Partition) {
        partition.waiters.add(fetch);
        fetch.waitsOn.push(partition);
      } else {
        fetch.missing.add(fetch.items[index]!);
        this.early.add(fetch);
      }
    }
  }

  private unpark(fetch: ParkedFetch): void {
    if (!this.parked.delete(fetch)) return;
    this.early.delete(fetch);
    this.ports.timers.cancel(fetch.deadline);
    for (const partition of fetch.waitsOn) partition.waiters.delete(fetch);
  }

  /** Of a parked fetch, whose report did not count before. */
  private recordFollower(fetch: ParkedFetch): void {
    if (!this.counts(fetch.reader)) return;
    for (const item of fetch.items) {
      const partition = this.find(fetch, item);
      if (partition instanceof Partition && inspect(partition, item, fetch.reader) === ErrorCode.NONE)
        record(partition, item, fetch.reader);
    }
  }

  /**
   * A fetch of an earlier life of that broker must not count: the log behind it may be another one now
   * (KIP-903).
   */
  private counts({ replicaId, replicaEpoch }: Reader): boolean {
    return this.ports.registeredEpoch(replicaId) === replicaEpoch;
  }

  /** With `isReport` also takes in what the follower says about its own logs. */
  private read(fetch: ParkedFetch, { isReport }: { readonly isReport: boolean }): Read {
    const { request, reader, opened } = fetch;
    const found = fetch.items.map((item) => this.find(fetch, item));
    const inspected = found.map((partition, index) =>
      partition instanceof Partition ? inspect(partition, fetch.items[index]!, reader) : undefined,
    );
    // All reports come first: what one acknowledges may append to any partition, and nobody waits on those
    // that were read.
    if (isReport && this.counts(reader))
      for (const [index, partition] of found.entries())
        if (partition instanceof Partition && inspected[index] === ErrorCode.NONE)
          record(partition, fetch.items[index]!, reader);
    const fetched: { item: FetchItem; data: FetchedPartition; isEarly: boolean }[] = [];
    // A follower is never short of memory: producers wait for it, and memory for them.
    const memoryBytes = reader.isFollower ? undefined : request.memoryBytes?.();
    let leftBytes = Math.min(this.responseBytesMax(request), memoryBytes ?? Number.POSITIVE_INFINITY);
    const mayBeLarger = memoryBytes !== 0;
    let sizeBytes = 0;
    let isUrgent = false;
    for (const [index, item] of fetch.items.entries()) {
      const partition = found[index]!;
      let data: FetchedPartition;
      if (partition instanceof Partition) {
        const outcome = inspected[index]!;
        if (outcome === ErrorCode.NONE && opened.isIncremental && knowsAll(item, partition, reader)) continue;
        data = readPartition(partition, item, reader, outcome, {
          maxBytes: leftBytes,
          atLeastOneBatch: mayBeLarger && sizeBytes === 0,
        });
      } else data = failedFetch(item.partition, partition.errorCode, partition.currentLeader);
      sizeBytes += data.sizeBytes;
      leftBytes -= data.sizeBytes;
      const isEarly = reader.isFollower && isAhead(item, partition);
      isUrgent ||= (data.errorCode !== ErrorCode.NONE && !isEarly) || data.divergingEpoch !== undefined;
      fetched.push({ item, data, isEarly });
    }
    return { found, fetched, sizeBytes, isUrgent };
  }

  private find(fetch: ParkedFetch, item: FetchItem): Partition | FetchMiss {
    return this.ports.find(item, fetch.request.version >= 13);
  }

  private responseBytesMax(request: FetchRequest): number {
    return Math.max(0, Math.min(request.maxBytes, this.ports.responseBytesMax));
  }
}

/** A fetch from its arrival to its answer; parked or not. */
export class ParkedFetch implements FetchWaiter {
  readonly request: FetchRequest;
  readonly reader: Reader;
  readonly opened: OpenedFetch;
  /**
   * As of the request: a session may change under a parked fetch only by a request that breaks the protocol.
   */
  readonly items: readonly FetchItem[];
  readonly done: (response: FetchResponse) => void;
  readonly waitsOn: Partition[] = [];
  /** Of partitions that were not here when it was parked. */
  readonly missing = new Set<FetchItem>();
  deadline: Deadline<DueCallback> | undefined;
  missingBytes = 0;
  /** Something happened to what it waits for. */
  wasNotified = false;
  private isWoken = false;
  private readonly service: FetchService;

  constructor(
    service: FetchService,
    options: {
      request: FetchRequest;
      reader: Reader;
      opened: OpenedFetch;
      done: (response: FetchResponse) => void;
    },
  ) {
    this.service = service;
    // What the partitions were decoded to may be many times what is kept of them.
    this.request = { ...options.request, topics: [], forgottenTopicsData: [] };
    this.reader = options.reader;
    this.opened = options.opened;
    this.items = [...options.opened.items];
    this.done = options.done;
  }

  get isFollower(): boolean {
    return this.reader.isFollower;
  }

  notify(sizeBytes: number): void {
    this.wasNotified = true;
    this.missingBytes -= sizeBytes;
    if (this.missingBytes > 0 || this.isWoken) return;
    this.isWoken = true;
    this.service.wake(this);
  }
}

function readerOf(request: FetchRequest): Reader {
  // The plain replica id is how versions up to 14 say it; those know no broker epoch and count for nothing.
  const { replicaState } = request;
  const replicaId = request.version >= 15 ? replicaState.replicaId : request.replicaId;
  return {
    replicaId,
    replicaEpoch: request.version >= 15 ? replicaState.replicaEpoch : -1,
    isFollower: replicaId >= 0,
    readsCommitted: request.isolationLevel === 1,
  };
}

/**
 * A follower holds everything below what it asks for: that is how the high watermark moves and the ISR grows.
 */
function record(partition: Partition, item: FetchItem, reader: Reader): void {
  if (item.currentLeaderEpoch !== partition.leaderEpoch) return;
  partition.leadership?.recordFollower({
    brokerId: reader.replicaId,
    brokerEpoch: reader.replicaEpoch,
    fetchOffset: item.fetchOffset,
    logStartOffset: item.logStartOffset,
  });
}

/**
 * Whether there is nothing to read, and the session was told all the rest. Most partitions of a session are
 * like that.
 */
function knowsAll(item: FetchItem, partition: Partition, reader: Reader): boolean {
  return (
    item instanceof SessionPartition &&
    item.fetchOffset >= visibleEnd(partition, reader) &&
    item.toldHighWatermark === partition.highWatermark &&
    item.toldLogStart === partition.log.startOffset
  );
}

/**
 * Whether the follower has heard of a leadership that this broker has yet to hear of. The metadata on its way
 * ends that wait, so the error is kept until then: told of it at once, the follower could only ask again and
 * again.
 */
function isAhead({ currentLeaderEpoch }: FetchItem, partition: Partition | FetchMiss): boolean {
  if (!(partition instanceof Partition)) {
    const { errorCode, currentLeader } = partition;
    return (
      errorCode === ErrorCode.UNKNOWN_TOPIC_ID ||
      errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION ||
      (currentLeader !== undefined && currentLeaderEpoch >= currentLeader.leaderEpoch)
    );
  }
  const { leaderEpoch, role, isOffline } = partition;
  if (isOffline) return false;
  return currentLeaderEpoch > leaderEpoch || (currentLeaderEpoch === leaderEpoch && role === 'none');
}

function respond(
  fetch: ParkedFetch,
  read: Read,
  { withEarly }: { readonly withEarly: boolean },
): FetchResponse {
  const { session, sessionId, isIncremental } = fetch.opened;
  if (session !== undefined) session.owesNews = false;
  const responses: { topic: string; topicId: FetchItem['topicId']; partitions: FetchedPartition[] }[] = [];
  let last: (typeof responses)[number] | undefined;
  const knowsStorageErrors = fetch.request.version >= STORAGE_ERROR_SINCE;
  for (const { item, data, isEarly } of read.fetched) {
    if (isEarly && !withEarly) continue;
    // Readers that do not know the code would give up; with the other one they ask for the leader and try
    // again (KIP-112).
    if (data.errorCode === ErrorCode.KAFKA_STORAGE_ERROR && !knowsStorageErrors)
      data.errorCode = ErrorCode.NOT_LEADER_OR_FOLLOWER;
    if (item instanceof SessionPartition) {
      const isNews = item.tell(data);
      if (isIncremental && !isNews) continue;
      if (data.sizeBytes > 0) session?.moveToEnd(item);
    }
    if (last === undefined || last.topicId !== item.topicId || last.topic !== item.topic) {
      last = { topic: item.topic, topicId: item.topicId, partitions: [] };
      responses.push(last);
    }
    last.partitions.push(data);
  }
  return { errorCode: ErrorCode.NONE, sessionId, responses };
}
