/**
 * Reads partitions without a group protocol: every partition of its topics, or the partitions of a list.
 * Keeps its own positions, and has one Fetch in flight for each leader. The consumer finds a first position
 * with ListOffsets. When the leader of a partition changes, the consumer fetches from the new leader. With
 * `validatesPositions` it first asks the new leader whether the position is still part of the log (KIP-320).
 */
import type { Clock, Millis, NodeId, Timer, Uuid } from '@millrace/base';
import { type AnyApi, apis, ErrorCode, errorName, type FetchResponse } from '@millrace/protocol';
import type { ClusterView } from '../cluster/cluster-view.ts';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import type { VersionedApi } from '../connection/versions.ts';
import { fetchOutcome } from './fetch-errors.ts';
import { type FetchSession, FetchSessions } from './fetch-sessions.ts';
import type { Position, PositionReason, StartPosition } from './position.ts';
import { Positions } from './positions.ts';
import { wholeBatches } from './whole-batches.ts';

/** The batches of one partition in one answer. */
export interface FetchedRecords {
  /** Whole batches with right checksums. Lent: valid until the call returns. */
  readonly bytes: Uint8Array;
  /** The position before this answer. The first batch may begin with earlier records; a reader skips them. */
  readonly fetchOffset: number;
  readonly highWatermark: number;
  readonly brokerId: NodeId;
}

export interface ConsumerObserver {
  /**
   * Called with fetched records. The position is already after them. If the call throws, the consumer fetches
   * these records again.
   */
  records(position: Position, fetched: FetchedRecords): void;
  /** Called when a lookup or a truncation sets the position. */
  assigned?(position: Position, offset: number, reason: PositionReason): void;
  /** Called when the checksum of a batch is wrong. The consumer fetches the batch again. */
  damaged?(position: Position, baseOffset: number): void;
  /** Called when the consumer stops reading the partition, because no retry would succeed. */
  failed?(position: Position, error: string): void;
  /** Called with each error code in an answer; 0: ListOffsets or OffsetForLeaderEpoch got no answer. */
  error?(code: number): void;
}

export interface ConsumerOptions {
  readonly clock: Clock;
  /** The owner calls `clusterChanged` at each `changed` of this view. */
  readonly cluster: Pick<ClusterView, 'partition' | 'topics' | 'connectionTo' | 'refresh' | 'hint'>;
  readonly observer: ConsumerObserver;
  /**
   * The names of the topics to read; without effect if `partitions` is given. When a name is no longer
   * returned, the partitions of its topic stay assigned. When a topic is deleted and created again, the
   * consumer reads the new one from `start`.
   */
  readonly topics: () => readonly string[];
  readonly start: 'earliest' | 'latest';
  /**
   * The partitions to read, instead of all those of `topics`. The owner calls `clusterChanged` when the list
   * changes. The consumer forgets the position of a partition that leaves the list.
   */
  readonly partitions?: () => Iterable<StartPosition>;
  /** Where to continue when the leader's log does not have the position. Default: earliest. */
  readonly outOfRange?: 'earliest' | 'latest' | 'fail';
  /** True: uses fetch sessions with Fetch 7 and later (KIP-227). */
  readonly usesSessions: boolean;
  /**
   * True: Fetch requests carry the leader epoch that the consumer knows, so that a broker with another epoch
   * refuses them (KIP-320).
   */
  readonly sendsEpochs: boolean;
  /**
   * True: the consumer asks a new leader whether the position is still part of the log, as the Java client
   * does.
   */
  readonly validatesPositions: boolean;
  /** How long a leader may park a fetch when it has no records. */
  readonly maxWaitMs: Millis;
  /** Limit in bytes for an answer, and for each partition in the answer. The first batch may be larger. */
  readonly maxBytes: number;
  /** The version of a request; undefined: the newest that both sides have. */
  readonly versionOf?: (api: Pick<AnyApi, 'key'>) => number | undefined;
  /** The pause after an error. Default 100. */
  readonly backoffMs?: Millis;
}

type FetchedPartition = FetchResponse['responses'][number]['partitions'][number];

const BACKOFF_MS = 100;
const EARLIEST = -2;
const LATEST = -1;
const SESSIONS_FROM_VERSION = 7;

export class Consumer {
  private readonly options: ConsumerOptions;
  private readonly backoffMs: Millis;
  private readonly assigned: Positions;
  private readonly fetching = new Set<NodeId>();
  private readonly sessions = new FetchSessions();
  private timer: Timer | undefined;
  private isPaused = false;
  private isClosed = false;

  constructor(options: ConsumerOptions) {
    const { cluster, topics, partitions, start } = options;
    this.options = options;
    this.assigned = new Positions(
      cluster.topics,
      partitions === undefined ? { topics, start } : { partitions, start },
    );
    this.backoffMs = options.backoffMs ?? BACKOFF_MS;
  }

  /** The positions of all assigned partitions, by `topic-partition`. */
  get positions(): ReadonlyMap<string, Readonly<Position>> {
    return this.assigned.byName;
  }

  /** Sends no more Fetch until `resume`. A Fetch that is under way still brings records. */
  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.pump();
  }

  /** Call it when metadata arrived, or when a connection is ready or closed. */
  clusterChanged(): void {
    this.pump();
  }

  /** Sends no more requests, and ignores later answers. */
  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
  }

  /** Sends every request that the consumer may send now. */
  private pump(): void {
    if (this.isClosed) return;
    this.assigned.update();
    if (this.isPaused) return;
    const byLeader = new Map<NodeId, Position[]>();
    for (const position of this.assigned.byName.values()) {
      const leaderId = this.fetchesFrom(position);
      if (leaderId === undefined) continue;
      const list = byLeader.get(leaderId);
      if (list === undefined) byLeader.set(leaderId, [position]);
      else list.push(position);
    }
    for (const [leaderId, positions] of byLeader)
      if (!this.fetching.has(leaderId)) this.fetch(leaderId, positions);
  }

  /**
   * The leader to fetch from. Undefined: the consumer has stopped reading the partition, the partition must
   * wait, or this call has sent a request that must come before a Fetch.
   */
  private fetchesFrom(position: Position): NodeId | undefined {
    const { cluster, clock } = this.options;
    if (position.failure !== undefined || !this.assigned.hasName(position)) return undefined;
    const known = cluster.partition(position.topic, position.partition);
    if (known === undefined || known.leaderId < 0) {
      cluster.refresh();
      return undefined;
    }
    if (position.isAsking) return undefined;
    const now = clock.monotonicMs();
    if (now < position.notBeforeMs) {
      this.wakeIn(position.notBeforeMs - now);
      return undefined;
    }
    const connection = cluster.connectionTo(known.leaderId);
    if (connection === undefined) this.wakeIn(this.backoffMs);
    else if (position.offset === undefined) this.listOffset(connection, position);
    else if (this.mustValidate(position, known.leaderEpoch))
      this.validate(connection, position, known.leaderEpoch);
    else return known.leaderId;
    return undefined;
  }

  private listOffset(connection: BrokerConnection, position: Position): void {
    const { topic, partition, startAt } = position;
    const version = this.versionFor(connection, apis.listOffsets, position);
    if (version === undefined) return;
    const { outOfRange = 'earliest' } = this.options;
    const end = startAt === 'out-of-range' ? outOfRange : startAt;
    const timestamp = end === 'latest' ? LATEST : EARLIEST;
    const partitions = [{ partitionIndex: partition, timestamp }];
    const request = { replicaId: -1, topics: [{ name: topic, partitions }] };
    position.isAsking = true;
    connection.request(apis.listOffsets, version, request, (response) => {
      if (this.isClosed || !this.assigned.isCurrent(position)) return;
      position.isAsking = false;
      // If another topic has the name now, the answer may be about that topic.
      if (!this.assigned.hasName(position)) return;
      const found = response?.topics[0]?.partitions[0];
      if (found?.errorCode !== ErrorCode.NONE) this.refused(position, found?.errorCode);
      else {
        position.offset = found.offset;
        this.options.observer.assigned?.(position, found.offset, startAt);
      }
      this.pump();
    });
  }

  private mustValidate(position: Position, leaderEpoch: number): boolean {
    if (!this.options.validatesPositions || position.lastEpoch < 0) return false;
    return position.validatedEpoch !== leaderEpoch;
  }

  private validate(connection: BrokerConnection, position: Position, currentLeaderEpoch: number): void {
    const { topic, partition, lastEpoch, offset } = position;
    const version = this.versionFor(connection, apis.offsetForLeaderEpoch, position);
    if (version === undefined) return;
    const asked = { partition, currentLeaderEpoch, leaderEpoch: lastEpoch };
    const request = { replicaId: -1, topics: [{ topic, partitions: [asked] }] };
    position.isAsking = true;
    connection.request(apis.offsetForLeaderEpoch, version, request, (response) => {
      if (this.isClosed || !this.assigned.isCurrent(position)) return;
      position.isAsking = false;
      // If another topic has the name now, the answer may be about that topic.
      if (!this.assigned.hasName(position)) return;
      const end = response?.topics[0]?.partitions[0];
      if (end?.errorCode !== ErrorCode.NONE) this.refused(position, end?.errorCode);
      // A fetch under way may have moved the position meanwhile; then the consumer asks again.
      else if (position.offset === offset) {
        position.validatedEpoch = currentLeaderEpoch;
        this.truncate(position, end.leaderEpoch, end.endOffset);
      }
      this.pump();
    });
  }

  /**
   * Called with the answer to OffsetForLeaderEpoch: the offset at which the epoch of the last record ends in
   * the leader's log. If this offset is before the position, the position moves back to it.
   */
  private truncate(position: Position, leaderEpoch: number, endOffset: number): void {
    // If this leader does not know the epoch of the last record, the consumer continues in the epoch of the
    // answer.
    if (leaderEpoch >= 0 && leaderEpoch < position.lastEpoch) position.lastEpoch = leaderEpoch;
    if (endOffset < 0 || endOffset >= position.offset!) return;
    position.offset = endOffset;
    this.options.observer.assigned?.(position, endOffset, 'truncated');
  }

  private fetch(leaderId: NodeId, positions: readonly Position[]): void {
    const { cluster, maxWaitMs, maxBytes, usesSessions } = this.options;
    const connection = cluster.connectionTo(leaderId)!;
    const version = this.versionFor(connection, apis.fetch, ...positions);
    if (version === undefined) return;
    const hasSession = usesSessions && version >= SESSIONS_FROM_VERSION;
    const topics = this.topicsOf(positions);
    const session = hasSession ? this.sessions.for(leaderId, topics) : undefined;
    const request = {
      maxWaitMs,
      minBytes: 1,
      maxBytes,
      isolationLevel: 0,
      sessionId: session?.id ?? 0,
      sessionEpoch: session?.epoch ?? -1,
      topics,
      forgottenTopicsData: [],
      rackId: '',
    };
    const asked = new Map(positions.map((position) => [position, position.offset]));
    this.fetching.add(leaderId);
    connection.request(apis.fetch, version, request, (response) => {
      if (this.isClosed) return;
      this.fetching.delete(leaderId);
      if (response === undefined) this.sessions.forget(leaderId);
      else this.fetched(leaderId, session, asked, response);
      this.pump();
    });
  }

  private topicsOf(positions: readonly Position[]) {
    const { cluster, sendsEpochs, validatesPositions, maxBytes } = this.options;
    const topics = new Map<string, Position[]>();
    for (const position of positions) {
      const list = topics.get(position.topic);
      if (list === undefined) topics.set(position.topic, [position]);
      else list.push(position);
    }
    return [...topics].map(([topic, members]) => ({
      topic,
      topicId: members[0]!.topicId,
      partitions: members.map(({ partition, offset, lastEpoch }) => ({
        partition,
        currentLeaderEpoch: sendsEpochs ? cluster.partition(topic, partition)!.leaderEpoch : -1,
        fetchOffset: offset!,
        lastFetchedEpoch: validatesPositions ? lastEpoch : -1,
        partitionMaxBytes: maxBytes,
      })),
    }));
  }

  private fetched(
    leaderId: NodeId,
    session: FetchSession | undefined,
    asked: ReadonlyMap<Position, number | undefined>,
    { errorCode, sessionId, responses }: FetchResponse,
  ): void {
    if (errorCode !== ErrorCode.NONE) {
      this.options.observer.error?.(errorCode);
      this.sessions.forget(leaderId);
      for (const position of asked.keys()) this.again(position, errorCode);
      return;
    }
    if (session !== undefined) this.sessions.continued(leaderId, session, sessionId);
    for (const { topic: name, topicId, partitions } of responses) {
      const topic = name === '' ? this.options.cluster.topics.withId(topicId as Uuid)?.name : name;
      for (const answer of partitions) {
        // The observer may have closed the consumer.
        if (this.isClosed) return;
        const position = this.assigned.byName.get(`${topic}-${answer.partitionIndex}`);
        // Ignores a late answer of an earlier leader, if an answer of the new leader has moved the position.
        if (position === undefined || !asked.has(position) || !this.assigned.hasName(position)) continue;
        if (position.offset === asked.get(position)) this.take(leaderId, position, topicId as Uuid, answer);
      }
    }
  }

  private take(brokerId: NodeId, position: Position, topicId: Uuid, answer: FetchedPartition): void {
    const { cluster, observer } = this.options;
    const { errorCode, currentLeader, divergingEpoch, records } = answer;
    const outcome = fetchOutcome(errorCode);
    if (outcome === 'reset') {
      observer.error?.(errorCode);
      if (this.options.outOfRange === 'fail') {
        position.failure = errorName(errorCode);
        observer.failed?.(position, position.failure);
        return;
      }
      position.offset = undefined;
      position.startAt = 'out-of-range';
      // The log may not have the epoch `lastEpoch`. If the next Fetch named it, the leader would answer with
      // a diverging epoch.
      position.lastEpoch = -1;
    } else if (outcome !== 'none') {
      const { leaderId, leaderEpoch } = currentLeader;
      if (leaderId >= 0) cluster.hint(topicId, position.partition, leaderId, leaderEpoch);
      this.refused(position, errorCode);
    } else if (divergingEpoch.endOffset >= 0) {
      // The next validation finds the valid position.
      position.validatedEpoch = -1;
      this.again(position);
    } else if (records !== null && records.length > 0)
      this.read(brokerId, position, records, answer.highWatermark);
  }

  private read(brokerId: NodeId, position: Position, records: Uint8Array, highWatermark: number): void {
    const { observer } = this.options;
    const fetchOffset = position.offset!;
    const { sizeBytes, nextOffset, lastEpoch, damagedAt } = wholeBatches(records);
    if (damagedAt !== undefined) {
      observer.damaged?.(position, damagedAt);
      this.again(position);
    }
    if (nextOffset === undefined) return;
    const { lastEpoch: fetchEpoch } = position;
    position.offset = nextOffset;
    position.lastEpoch = lastEpoch;
    const bytes = records.subarray(0, sizeBytes);
    let isTaken = false;
    try {
      observer.records(position, { bytes, fetchOffset, highWatermark, brokerId });
      isTaken = true;
    } finally {
      // The owner threw: it does not have these records, and gets them again.
      if (!isTaken) Object.assign(position, { offset: fetchOffset, lastEpoch: fetchEpoch });
    }
  }

  /**
   * The version that the owner chose, or the newest that both sides have. Undefined: there is no such
   * version, and the consumer stops reading these partitions.
   */
  private versionFor(
    connection: BrokerConnection,
    api: VersionedApi,
    ...positions: readonly Position[]
  ): number | undefined {
    const version = this.options.versionOf?.(api) ?? connection.versions?.newest(api);
    if (version === undefined)
      for (const position of positions) this.again(position, ErrorCode.UNSUPPORTED_VERSION);
    return version;
  }

  /**
   * Reports the error, and tries again after a pause unless the error is fatal. `code` undefined: no answer
   * came.
   */
  private refused(position: Position, code: number | undefined): void {
    this.options.observer.error?.(code ?? ErrorCode.NONE);
    this.again(position, code);
  }

  /** Tries again after a pause, unless the error is fatal. */
  private again(position: Position, code: number = ErrorCode.NONE): void {
    const { clock, cluster, observer } = this.options;
    if (fetchOutcome(code) === 'fatal') {
      position.failure = errorName(code);
      observer.failed?.(position, position.failure);
      return;
    }
    position.notBeforeMs = clock.monotonicMs() + this.backoffMs;
    cluster.refresh();
  }

  /**
   * Calls `pump` after this time. If a timer already runs, keeps that timer: the `pump` at its end sets the
   * next one.
   */
  private wakeIn(delayMs: Millis): void {
    if (this.timer !== undefined) return;
    this.timer = this.options.clock.setTimer(delayMs, () => {
      this.timer = undefined;
      this.pump();
    });
  }
}
