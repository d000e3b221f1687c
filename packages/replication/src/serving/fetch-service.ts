/**
 * Answers fetches of consumers and followers. Answers at once, or parks the fetch until enough bytes are
 * readable, something else changed, or the wait is over. Answers woken fetches together at the end of the
 * turn, so that many appends cause one response.
 */
import type {
  BrokerEpoch,
  Clock,
  Deadline,
  DueCallback,
  Millis,
  NodeId,
  Random,
  Timers,
} from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { Partition } from '../partition/partition.ts';
import type { FetchWaiter } from '../partition/ports.ts';
import type { FetchItem, FetchRequest, FetchResponse, PartitionError, RunningFetch } from '../types.ts';
import {
  type FetchedPartition,
  failedPartition,
  inspect,
  type Reader,
  readPartition,
  visibleEnd,
} from './fetch-read.ts';
import { FetchSessions, type OpenedFetch } from './fetch-sessions.ts';
import { SessionPartition } from './session-partition.ts';

export interface FetchPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly responseBytesMax: number;
  readonly sessionsMax: number;
  readonly parkedMax: number;
  /** The hosted partition, or why there is none. */
  find(item: FetchItem, usesTopicIds: boolean): Partition | PartitionError;
  /** The epoch of the broker's current registration in the metadata; undefined when it has none. */
  registeredEpoch(brokerId: NodeId): BrokerEpoch | undefined;
}

const STORAGE_ERROR_SINCE = 6;
/**
 * The longest time that a fetch is parked. After this time the reader gets what there is. Even an empty
 * response is harmless.
 */
const WAIT_MS_MAX: Millis = 300_000;

/** An item of a fetch. Valid only in this turn, because a partition may be removed in the next one. */
interface Visit {
  readonly item: FetchItem;
  readonly found: Partition | PartitionError;
  /** Undefined: the partition is not hosted. */
  readonly inspected: ReturnType<typeof inspect> | undefined;
}

interface Read {
  readonly visits: readonly Visit[];
  /** The answers for the partitions. The response leaves out those with nothing new for the session. */
  readonly fetched: {
    readonly item: FetchItem;
    readonly data: FetchedPartition;
    /**
     * True if the follower seems to have newer metadata than this broker. This broker may then delay the
     * error.
     */
    readonly isEarly: boolean;
  }[];
  readonly sizeBytes: number;
  /**
   * True if there is a divergence, or an error that is not early. Then the response does not wait for more
   * bytes.
   */
  readonly isUrgent: boolean;
}

export class FetchService {
  readonly sessions: FetchSessions;
  readonly parked = new Set<FetchOperation>();
  private readonly ports: FetchPorts;
  private woken: FetchOperation[] = [];
  /** Parked fetches that ask for partitions which do not exist here yet. */
  private readonly early = new Set<FetchOperation>();

  constructor(ports: FetchPorts) {
    this.ports = ports;
    this.sessions = new FetchSessions(ports.sessionsMax, ports.random);
  }

  fetch(request: FetchRequest, done: (response: FetchResponse) => void): RunningFetch {
    const reader = readerOf(request);
    const opened = this.sessions.open(request, reader.isFollower, this.ports.timers.now());
    if (typeof opened === 'number') {
      done({ errorCode: opened, sessionId: 0, responses: [] });
      return { cancel: () => {}, nextRequestArrived: () => {} };
    }
    const fetch = new FetchOperation(this, { request, reader, opened, done });
    const reports = reader.isFollower && this.counts(reader);
    opened.session?.begin(reader, { reports, now: this.ports.timers.now() });
    const read = this.read(fetch, { isReport: reports });
    const bytesMin = Math.min(request.minBytes, this.responseBytesMax(request));
    const isEnough = read.isUrgent || read.sizeBytes >= bytesMin || fetch.isEmpty;
    const mustAnswer = request.maxWaitMs <= 0 || this.parked.size >= this.ports.parkedMax;
    if (isEnough || mustAnswer) {
      fetch.state = 'finished';
      done(respond(fetch, read, { withEarly: mustAnswer }));
    } else this.park(fetch, read.visits, bytesMin - read.sizeBytes);
    return {
      cancel: () => this.unpark(fetch),
      nextRequestArrived: () => {
        if (reader.isFollower) this.answerOvertaken(fetch);
      },
    };
  }

  /** Called when registrations changed, because the report in a follower's parked fetch may count now. */
  brokersChanged(brokers: ReadonlySet<NodeId>): void {
    for (const fetch of this.parked)
      if (fetch.reader.isFollower && brokers.has(fetch.reader.replicaId)) this.recordFollower(fetch);
  }

  /** Called when the metadata changed. Partitions that followers fetched too early may exist here now. */
  partitionsChanged(): void {
    for (const fetch of this.early)
      for (const item of fetch.missing)
        if (this.find(fetch, item) instanceof Partition) {
          fetch.notify(Number.POSITIVE_INFINITY);
          break;
        }
  }

  /** Answers all parked fetches now. */
  close(): void {
    for (const fetch of [...this.parked]) this.answerParked(fetch, { withEarly: true });
  }

  /** Answers the fetch at the end of the turn. */
  wake(fetch: FetchOperation): void {
    this.woken.push(fetch);
    if (this.woken.length === 1) this.ports.clock.soon(() => this.answerWoken());
  }

  private answerWoken(): void {
    const { woken } = this;
    this.woken = [];
    for (const fetch of woken) this.answerParked(fetch, { withEarly: false });
  }

  private answerParked(fetch: FetchOperation, how: { readonly withEarly: boolean }): void {
    if (fetch.state !== 'parked') return;
    this.unpark(fetch);
    fetch.done(respond(fetch, this.read(fetch, { isReport: false }), how));
  }

  /**
   * Answers a parked fetch when the follower's next request has arrived. If nothing happened while the fetch
   * was parked, sends an empty response without reading the partitions. Sets `owesNews`, so that the next
   * response includes any high watermark that the empty response left out.
   */
  private answerOvertaken(fetch: FetchOperation): void {
    const { isIncremental, sessionId, session } = fetch.opened;
    const isQuiet = isIncremental && session?.owesNews === false && !fetch.wasNotified;
    if (!isQuiet || fetch.state !== 'parked') {
      this.answerParked(fetch, { withEarly: false });
      return;
    }
    session.owesNews = true;
    this.unpark(fetch);
    fetch.done({ errorCode: ErrorCode.NONE, sessionId, responses: [] });
  }

  private park(fetch: FetchOperation, visits: readonly Visit[], missingBytes: number): void {
    fetch.missingBytes = missingBytes;
    fetch.state = 'parked';
    this.parked.add(fetch);
    fetch.deadline = this.ports.timers.after(Math.min(fetch.request.maxWaitMs, WAIT_MS_MAX), () =>
      this.answerParked(fetch, { withEarly: true }),
    );
    // The items of a session are already waiters of their partitions, and notify the session's parked
    // fetches.
    const { session } = fetch.opened;
    session?.parked.add(fetch);
    for (const { item, found } of visits) {
      if (!(found instanceof Partition)) {
        fetch.missing.add(item);
        this.early.add(fetch);
      } else if (session === undefined) {
        found.waiters.add(fetch);
        fetch.waitsOn.push(found);
      }
    }
  }

  private unpark(fetch: FetchOperation): void {
    if (fetch.state !== 'parked') return;
    fetch.state = 'finished';
    this.parked.delete(fetch);
    this.early.delete(fetch);
    this.ports.timers.cancel(fetch.deadline);
    fetch.opened.session?.parked.delete(fetch);
    for (const partition of fetch.waitsOn) partition.waiters.delete(fetch);
  }

  /** Takes the report of a parked fetch again, because it may not have counted when the fetch arrived. */
  private recordFollower(fetch: FetchOperation): void {
    if (!this.counts(fetch.reader)) return;
    for (const item of fetch.asked) {
      const partition = this.find(fetch, item);
      if (partition instanceof Partition && inspect(partition, item, fetch.reader) === ErrorCode.NONE)
        record(partition, item, fetch.reader);
    }
  }

  /**
   * Whether the follower's report counts. A report from an earlier incarnation of the follower's broker does
   * not count, because the broker may have another log now (KIP-903).
   */
  private counts({ replicaId, replicaEpoch }: Reader): boolean {
    return this.ports.registeredEpoch(replicaId) === replicaEpoch;
  }

  private visit(fetch: FetchOperation): Visit[] {
    return fetch.wanted().map((item) => {
      const found = this.find(fetch, item);
      const partition = found instanceof Partition ? found : undefined;
      return { item, found, inspected: partition && inspect(partition, item, fetch.reader) };
    });
  }

  /** Takes what the follower reports about its logs. */
  private takeReports(visits: readonly Visit[], reader: Reader): void {
    for (const { item, found, inspected } of visits)
      if (found instanceof Partition && inspected === ErrorCode.NONE) record(found, item, reader);
  }

  /**
   * Reads the partitions of the fetch. Of an incremental fetch, reads only the partitions that were touched.
   * With `isReport`, also takes the offsets that the follower reports about its logs.
   */
  private read(fetch: FetchOperation, { isReport }: { readonly isReport: boolean }): Read {
    const { request, reader, opened } = fetch;
    const { session, isIncremental } = opened;
    let visits = this.visit(fetch);
    // Take all reports before reading. A report may acknowledge a produce request, whose client may append to
    // any partition at once. If this fetch had already read that partition, the append would not wake it.
    if (isReport) {
      this.takeReports(visits, reader);
      // For the same reason, also read what such an append touched.
      if (isIncremental && session?.touchedCount !== visits.length) visits = this.visit(fetch);
    }
    const fetched: { item: FetchItem; data: FetchedPartition; isEarly: boolean }[] = [];
    // A follower's fetch has no memory limit: the requests of producers wait for it, and hold memory until
    // then.
    const memoryBytes = reader.isFollower ? undefined : request.memoryBytes?.();
    let leftBytes = Math.min(this.responseBytesMax(request), memoryBytes ?? Number.POSITIVE_INFINITY);
    const mayBeLarger = memoryBytes !== 0;
    let sizeBytes = 0;
    let isUrgent = false;
    for (const { item, found: partition, inspected } of visits) {
      let data: FetchedPartition;
      // Bind now: an append during the reports may have unbound the item.
      if (item instanceof SessionPartition) item.bind(partition instanceof Partition ? partition : undefined);
      if (partition instanceof Partition) {
        const outcome = inspected!;
        if (outcome === ErrorCode.NONE && isIncremental && knowsAll(item, partition, reader)) {
          session?.settle(item);
          continue;
        }
        data = readPartition(partition, item, reader, outcome, {
          maxBytes: leftBytes,
          atLeastOneBatch: mayBeLarger && sizeBytes === 0,
        });
      } else data = failedPartition(item.partition, partition.errorCode, partition.currentLeader);
      sizeBytes += data.sizeBytes;
      leftBytes -= data.sizeBytes;
      const isEarly = reader.isFollower && isAhead(item, partition);
      isUrgent ||= (data.errorCode !== ErrorCode.NONE && !isEarly) || data.divergingEpoch !== undefined;
      fetched.push({ item, data, isEarly });
    }
    return { visits, fetched, sizeBytes, isUrgent };
  }

  /** The hosted partition of the item, or why there is none. */
  find(fetch: FetchOperation, item: FetchItem): Partition | PartitionError {
    return this.ports.find(item, fetch.request.version >= 13);
  }

  private responseBytesMax(request: FetchRequest): number {
    return Math.max(0, Math.min(request.maxBytes, this.ports.responseBytesMax));
  }
}

/** One fetch, from the request to the response (Kafka's DelayedFetch, if it is parked). */
export class FetchOperation implements FetchWaiter {
  readonly request: FetchRequest;
  readonly reader: Reader;
  readonly opened: OpenedFetch;
  /**
   * The items at the time of the request. Empty for an incremental fetch, which asks its session (`wanted`).
   */
  readonly items: readonly FetchItem[];
  readonly done: (response: FetchResponse) => void;
  readonly waitsOn: Partition[] = [];
  /** Items whose partition did not exist here when the fetch was parked. */
  readonly missing = new Set<FetchItem>();
  /** `finished`: answered or cancelled. */
  state: 'reading' | 'parked' | 'finished' = 'reading';
  deadline: Deadline<DueCallback> | undefined;
  missingBytes = 0;
  /** True if a partition that the fetch waits for has changed. */
  wasNotified = false;
  private isWoken = false;
  readonly service: FetchService;

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
    // Drop the decoded topics, because they may be many times larger than the kept items.
    this.request = { ...options.request, topics: [], forgottenTopicsData: [] };
    this.reader = options.reader;
    this.opened = options.opened;
    this.items = options.opened.isIncremental ? [] : [...options.opened.items];
    this.done = options.done;
  }

  get isFollower(): boolean {
    return this.reader.isFollower;
  }

  /** True if the reader asks for no partition. */
  get isEmpty(): boolean {
    return !this.opened.isIncremental && this.items.length === 0;
  }

  /** All items that the reader asks for. */
  get asked(): Iterable<FetchItem> {
    return this.opened.session?.partitions.values() ?? this.items;
  }

  /** The items that the leader must visit for the answer. */
  wanted(): readonly FetchItem[] {
    const { session, isIncremental } = this.opened;
    return session !== undefined && isIncremental ? session.touchedPartitions() : this.items;
  }

  /** Does nothing, because a fetch has only one answer. `touch` concerns the next answer of a session. */
  touch(): void {}

  notify(sizeBytes: number): void {
    this.wasNotified = true;
    this.missingBytes -= sizeBytes;
    if (this.missingBytes > 0 || this.isWoken) return;
    this.isWoken = true;
    this.service.wake(this);
  }
}

function readerOf(request: FetchRequest): Reader {
  // Versions up to 14 have a plain replica id and no broker epoch, so the reports of such followers do not
  // count.
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
 * Takes a follower's fetch offset as its report, because the follower holds everything below that offset. The
 * report may move the high watermark and expand the ISR.
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

/** Whether there is nothing to read, and the session's reader already knows the current offsets. */
function knowsAll(item: FetchItem, partition: Partition, reader: Reader): item is SessionPartition {
  return (
    item instanceof SessionPartition &&
    item.fetchOffset >= visibleEnd(partition, reader) &&
    item.toldHighWatermark === partition.highWatermark &&
    item.toldLogStart === partition.log.startOffset
  );
}

/**
 * Whether the follower seems to have newer metadata than this broker. The broker then delays the error until
 * its own metadata arrives or the fetch times out. If it answered at once, the follower would only retry.
 */
function isAhead({ currentLeaderEpoch }: FetchItem, partition: Partition | PartitionError): boolean {
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
  fetch: FetchOperation,
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
    // Readers that do not know KAFKA_STORAGE_ERROR would give up. NOT_LEADER_OR_FOLLOWER makes them look for
    // the leader and retry (KIP-112).
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
