/**
 * A consumer by assignment: one fetch under way per leader, positions of its own. It checks every batch and
 * writes the records to the history.
 */
import type { Millis, NodeId, Uuid } from '@millrace/base';
import type { SeenRecord } from '@millrace/checkers';
import type { BrokerConnection, ClusterView } from '@millrace/client';
import {
  apis,
  type BatchHeader,
  batchSizeAt,
  checkBatchCrc,
  ErrorCode,
  type FetchResponse,
  readBatchHeader,
  readRecords,
} from '@millrace/protocol';
import { clusterViewOf } from './cluster-view.ts';
import { type ClientEnv, countError } from './env.ts';

export interface ConsumerOptions {
  readonly topics: () => readonly string[];
  readonly start: 'earliest' | 'latest';
  /** 4 .. 18; sessions from 7 on, topic ids from 13 on. */
  readonly version: number;
  readonly usesSessions: boolean;
  /** Sends the leader epoch that it knows (KIP-320). */
  readonly sendsEpochs: boolean;
  /** Asks a new leader whether its position is still part of the log, as the Java client does. */
  readonly validatesPositions: boolean;
  readonly maxWaitMs: Millis;
  readonly maxBytes: number;
  readonly requestTimeoutMs: Millis;
}

interface Position {
  readonly topic: string;
  readonly partition: number;
  /** Undefined: unknown until a ListOffsets. */
  offset: number | undefined;
  startAt: 'earliest' | 'latest' | 'out-of-range';
  /** Leader epoch of the last record read; -1 before the first. */
  lastEpoch: number;
  /** The leader epoch under which the position was last validated. */
  validatedEpoch: number;
  isAsking: boolean;
  notBeforeMs: Millis;
}

interface Session {
  id: number;
  epoch: number;
  /** The partitions of the session. */
  members: string;
}

const BACKOFF_MS = 100;
const EARLIEST = -2;
const LATEST = -1;
const LIST_OFFSETS_VERSION = 7;
/** A version of older clients, without OFFSET_NOT_AVAILABLE. Every second ListOffsets has it. */
const LIST_OFFSETS_VERSION_OLD = 4;

export class Consumer {
  readonly name: string;
  readonly positions = new Map<string, Position>();
  lastReadUs = -1;
  private readonly env: ClientEnv;
  private readonly options: ConsumerOptions;
  private readonly metadata: ClusterView;
  private readonly fetching = new Set<NodeId>();
  private readonly sessions = new Map<NodeId, Session>();
  private wakeIsArmed = false;
  private listings = 0;

  constructor(env: ClientEnv, options: ConsumerOptions) {
    this.name = env.name;
    this.env = env;
    this.options = options;
    this.metadata = clusterViewOf(env, {
      timeoutMs: options.requestTimeoutMs,
      wanted: options.topics,
      changed: () => this.pump(),
    });
  }

  start(): void {
    this.metadata.start();
  }

  private pump(): void {
    this.assign();
    const byLeader = new Map<NodeId, Position[]>();
    const now = this.env.life.clock.monotonicMs();
    for (const position of this.positions.values()) {
      const { topic, partition } = position;
      const known = this.metadata.partition(topic, partition);
      if (known === undefined || known.leaderId < 0) {
        this.metadata.refresh();
        continue;
      }
      if (position.isAsking) continue;
      if (now < position.notBeforeMs) {
        this.wakeIn(position.notBeforeMs - now);
        continue;
      }
      const connection = this.metadata.connectionTo(known.leaderId);
      if (connection === undefined) this.wakeIn(BACKOFF_MS);
      else if (position.offset === undefined) this.listOffset(connection, position);
      else if (this.mustValidate(position, known.leaderEpoch))
        this.validate(connection, position, known.leaderEpoch);
      else {
        const list = byLeader.get(known.leaderId);
        if (list === undefined) byLeader.set(known.leaderId, [position]);
        else list.push(position);
      }
    }
    for (const [leaderId, positions] of byLeader)
      if (!this.fetching.has(leaderId)) this.fetch(leaderId, positions);
  }

  private assign(): void {
    for (const topic of this.options.topics()) {
      const known = this.metadata.topics.get(topic);
      known?.partitions.forEach((_partition, partition) => {
        const name = `${topic}-${partition}`;
        if (this.positions.has(name)) return;
        const startAt = this.options.start;
        this.positions.set(name, {
          topic,
          partition,
          offset: undefined,
          startAt,
          lastEpoch: -1,
          validatedEpoch: -1,
          isAsking: false,
          notBeforeMs: 0,
        });
      });
    }
  }

  private listOffset(connection: BrokerConnection, position: Position): void {
    const { topic, partition, startAt } = position;
    const timestamp = startAt === 'latest' ? LATEST : EARLIEST;
    position.isAsking = true;
    const request = {
      replicaId: -1,
      topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }],
    };
    const version = this.listings++ % 2 === 0 ? LIST_OFFSETS_VERSION : LIST_OFFSETS_VERSION_OLD;
    connection.request(apis.listOffsets, version, request, (response) => {
      position.isAsking = false;
      const found = response?.topics[0]?.partitions[0];
      if (found === undefined || found.errorCode !== 0) this.failed(position, found?.errorCode ?? 0);
      else {
        position.offset = found.offset;
        this.env.history.add({
          type: 'assign',
          client: this.env.name,
          topic,
          partition,
          offset: found.offset,
          why: startAt,
          endedUs: this.env.world.nowUs,
        });
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
    position.isAsking = true;
    const asked = { partition, currentLeaderEpoch, leaderEpoch: lastEpoch };
    const request = { replicaId: -1, topics: [{ topic, partitions: [asked] }] };
    connection.request(apis.offsetForLeaderEpoch, 4, request, (response) => {
      position.isAsking = false;
      const end = response?.topics[0]?.partitions[0];
      if (end === undefined || end.errorCode !== 0) this.failed(position, end?.errorCode ?? 0);
      // A fetch under way may have moved the position meanwhile; then the consumer asks again.
      else if (position.offset === offset) {
        position.validatedEpoch = currentLeaderEpoch;
        // This leader does not know the epoch of the last record, so the consumer continues in the epoch of
        // the answer.
        if (end.leaderEpoch >= 0 && end.leaderEpoch < position.lastEpoch)
          position.lastEpoch = end.leaderEpoch;
        if (end.endOffset >= 0 && end.endOffset < offset!) {
          position.offset = end.endOffset;
          this.env.world.count('consumer position truncated');
          this.env.history.add({
            type: 'assign',
            client: this.env.name,
            topic,
            partition,
            offset: end.endOffset,
            why: 'truncated',
            endedUs: this.env.world.nowUs,
          });
        }
      }
      this.pump();
    });
  }

  private failed(position: Position, code: number): void {
    countError(this.env, code);
    position.notBeforeMs = this.env.life.clock.monotonicMs() + BACKOFF_MS;
    this.metadata.refresh();
  }

  private fetch(leaderId: NodeId, positions: readonly Position[]): void {
    const { options, metadata } = this;
    const connection = metadata.connectionTo(leaderId)!;
    const session = this.sessionFor(leaderId, positions);
    const request = {
      maxWaitMs: options.maxWaitMs,
      minBytes: 1,
      maxBytes: options.maxBytes,
      isolationLevel: 0,
      sessionId: session?.id ?? 0,
      sessionEpoch: session?.epoch ?? -1,
      topics: this.topicsOf(positions),
      forgottenTopicsData: [],
      rackId: '',
    };
    const asked = new Map(positions.map((position) => [position, position.offset]));
    this.fetching.add(leaderId);
    connection.request(apis.fetch, options.version, request, (response) => {
      this.fetching.delete(leaderId);
      if (response === undefined) this.sessions.delete(leaderId);
      else this.fetched(leaderId, session, asked, response);
      this.pump();
    });
  }

  private topicsOf(positions: readonly Position[]) {
    const topics = new Map<string, Position[]>();
    for (const position of positions) {
      const list = topics.get(position.topic);
      if (list === undefined) topics.set(position.topic, [position]);
      else list.push(position);
    }
    return [...topics].map(([topic, members]) => ({
      topic,
      topicId: this.metadata.topics.get(topic)!.topicId,
      partitions: members.map(({ partition, offset, lastEpoch }) => ({
        partition,
        currentLeaderEpoch: this.options.sendsEpochs
          ? this.metadata.partition(topic, partition)!.leaderEpoch
          : -1,
        fetchOffset: offset!,
        lastFetchedEpoch: this.options.validatesPositions ? lastEpoch : -1,
        partitionMaxBytes: this.options.maxBytes,
      })),
    }));
  }

  private sessionFor(leaderId: NodeId, positions: readonly Position[]): Session | undefined {
    if (!this.options.usesSessions || this.options.version < 7) return undefined;
    const members = positions.map(({ topic, partition }) => `${topic}-${partition}`).join();
    const known = this.sessions.get(leaderId);
    if (known?.members === members) return known;
    const session = { id: known?.id ?? 0, epoch: 0, members };
    this.sessions.set(leaderId, session);
    return session;
  }

  private fetched(
    leaderId: NodeId,
    session: Session | undefined,
    asked: ReadonlyMap<Position, number | undefined>,
    response: FetchResponse,
  ): void {
    const positions = [...asked.keys()];
    if (response.errorCode !== 0) {
      countError(this.env, response.errorCode);
      this.sessions.delete(leaderId);
      for (const position of positions) this.failed(position, 0);
      return;
    }
    if (session !== undefined) {
      session.id = response.sessionId;
      session.epoch = response.sessionId === 0 ? 0 : session.epoch + 1;
      if (response.sessionId === 0) this.sessions.delete(leaderId);
    }
    for (const { topic: name, topicId, partitions } of response.responses)
      for (const answer of partitions) {
        const topic = name === '' ? this.metadata.topics.withId(topicId as Uuid)?.name : name;
        const position = positions.find(
          (one) => one.topic === topic && one.partition === answer.partitionIndex,
        );
        // Ignores a late answer of an earlier leader if a later one has moved the position.
        if (position !== undefined && position.offset === asked.get(position))
          this.take(leaderId, position, answer);
      }
  }

  private take(
    brokerId: NodeId,
    position: Position,
    answer: FetchResponse['responses'][number]['partitions'][number],
  ): void {
    const { errorCode } = answer;
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      countError(this.env, errorCode);
      position.offset = undefined;
      position.startAt = 'out-of-range';
      return;
    }
    if (errorCode !== 0) {
      const { leaderId, leaderEpoch } = answer.currentLeader;
      if (leaderId >= 0) this.metadata.hint(position.topic, position.partition, leaderId, leaderEpoch);
      this.failed(position, errorCode);
      return;
    }
    if (answer.divergingEpoch.endOffset >= 0) {
      // The next validation finds the valid position.
      position.validatedEpoch = -1;
      this.failed(position, 0);
      return;
    }
    if (answer.records !== null && answer.records.length > 0) this.read(brokerId, position, answer);
  }

  private read(
    brokerId: NodeId,
    position: Position,
    answer: FetchResponse['responses'][number]['partitions'][number],
  ): void {
    const { env } = this;
    const fetchOffset = position.offset!;
    const seen: SeenRecord[] = [];
    const bytes = answer.records!;
    let at = 0;
    for (let size = batchSizeAt(bytes, 0); size !== undefined && at + size <= bytes.length; ) {
      const header = readBatchHeader(bytes, at);
      if (!checkBatchCrc(bytes, at, size)) {
        env.world.count('consumer saw a damaged batch');
        env.history.damaged(env.name, position.topic, position.partition, header.baseOffset);
        this.failed(position, 0);
        break;
      }
      this.readBatch(bytes.subarray(at, at + size), header, fetchOffset, seen);
      position.offset = header.lastOffset + 1;
      position.lastEpoch = header.leaderEpoch;
      at += size;
      size = batchSizeAt(bytes, at);
    }
    if (seen.length === 0) return;
    this.lastReadUs = env.world.nowUs;
    env.history.add({
      type: 'poll',
      client: env.name,
      topic: position.topic,
      partition: position.partition,
      fetchOffset,
      records: seen,
      highWatermark: answer.highWatermark,
      brokerId,
      endedUs: env.world.nowUs,
    });
  }

  private readBatch(batch: Uint8Array, header: BatchHeader, fetchOffset: number, seen: SeenRecord[]): void {
    for (const { offset, value } of readRecords(batch, this.env.codecs)) {
      if (offset < fetchOffset) continue;
      const text = value === null ? '' : TEXT.decode(value);
      const space = text.indexOf(' ');
      seen.push({
        offset,
        value: space < 0 ? text : text.slice(0, space),
        leaderEpoch: header.leaderEpoch,
      });
    }
  }

  private wakeIn(delayMs: Millis): void {
    if (this.wakeIsArmed) return;
    this.wakeIsArmed = true;
    this.env.life.clock.setTimer(delayMs, () => {
      this.wakeIsArmed = false;
      this.pump();
    });
  }
}

const TEXT = new TextDecoder();
