/**
 * A client that stores offsets in a group without being a member (a simple group), like a consumer with
 * assign() or a command-line tool. It sends commits and fetches one after another, and never repeats a
 * request: each request is an operation of its own in the history.
 */
import type { Millis, NodeId } from '@millrace/base';
import type { BrokerConnection, ClusterView } from '@millrace/client';
import { apis, CoordinatorType, ErrorCode } from '@millrace/protocol';
import type { Micros } from '../world/index.ts';
import { clusterViewOf } from './cluster-view.ts';
import { type ClientEnv, countError } from './env.ts';
import { GroupRecorder } from './group-recorder.ts';

export interface CommitterOptions {
  readonly group: string;
  readonly topics: () => readonly string[];
  /** Average pause between two requests. */
  readonly paceMs: () => Millis;
  /** 2 to 10. From 10 on requests have topic ids. */
  readonly commitVersion: number;
  /** 1 to 10. From 8 on a request can name many groups, from 10 on it has topic ids. */
  readonly fetchVersion: number;
  /** 0 to 6. From 4 on a request can name many keys. */
  readonly findVersion: number;
  readonly requestTimeoutMs: Millis;
}

interface Place {
  readonly topic: string;
  readonly partition: number;
}

const WITH_ID_VERSION = 10;
const MANY_GROUPS_VERSION = 8;
const MANY_KEYS_VERSION = 4;
/**
 * The client uses only the first partitions of the first topics, so that several clients use the same
 * partitions.
 */
const TOPICS_MAX = 3;
const PARTITIONS_MAX = 2;

export class Committer {
  readonly name: string;
  /** Times of the last acknowledged commit, and of the last successful fetch; -1: none yet. */
  lastCommitUs: Micros = -1;
  lastFetchUs: Micros = -1;
  private readonly env: ClientEnv;
  private readonly options: CommitterOptions;
  private readonly metadata: ClusterView;
  private readonly committed = new Map<string, Place>();
  private coordinator: NodeId | undefined;
  private commits = 0;
  private isAsking = false;
  private isStopping = false;

  constructor(env: ClientEnv, options: CommitterOptions) {
    this.name = env.name;
    this.env = env;
    this.options = options;
    const recorder = new GroupRecorder(env, (topicId) => this.metadata.topics.withId(topicId)?.name);
    this.metadata = clusterViewOf(env, {
      timeoutMs: options.requestTimeoutMs,
      wanted: options.topics,
      changed: () => {},
      recorder,
    });
  }

  start(): void {
    this.metadata.start();
    this.think();
  }

  /** Fetches every offset that this client has committed once more, and then stops. */
  stop(): void {
    this.isStopping = true;
    this.lastFetchUs = -1;
  }

  get isIdle(): boolean {
    return this.isStopping && !this.isAsking && (this.lastFetchUs >= 0 || this.ownPlaces().length === 0);
  }

  /** The partitions for which this client has committed offsets, except those of deleted topics. */
  private ownPlaces(): Place[] {
    const names = this.options.topics();
    return [...this.committed.values()].filter(
      ({ topic }) => names.includes(topic) && this.metadata.topics.has(topic),
    );
  }

  private think(): void {
    const { random, life } = this.env;
    life.clock.setTimer(1 + random.below(2 * this.options.paceMs()), () => {
      if (this.isIdle) return;
      this.act();
      if (!this.isAsking) this.think();
    });
  }

  private act(): void {
    const { coordinator, metadata } = this;
    if (coordinator === undefined) {
      const any = metadata.anyConnection();
      if (any !== undefined) this.find(any);
      return;
    }
    const connection = metadata.connectionTo(coordinator);
    if (connection === undefined) {
      // Another broker may be the coordinator by now.
      if (this.env.random.below(4) === 0) this.coordinator = undefined;
    } else if (this.isStopping) this.fetch(connection, this.ownPlaces());
    else this.work(connection);
  }

  private work(connection: BrokerConnection): void {
    const { random } = this.env;
    const places = this.places();
    if (places.length === 0) return;
    const chosen = places.filter(() => random.below(2) === 0);
    const some = chosen.length === 0 ? [places[random.below(places.length)]!] : chosen;
    if (random.below(2) === 0) this.commit(connection, some);
    else this.fetch(connection, some);
  }

  private places(): Place[] {
    const names = this.options.topics().slice(0, TOPICS_MAX);
    return names.flatMap((topic) => {
      const count = this.metadata.topics.get(topic)?.partitions.length ?? 0;
      return Array.from({ length: Math.min(count, PARTITIONS_MAX) }, (_unused, partition) => ({
        topic,
        partition,
      }));
    });
  }

  private find(connection: BrokerConnection): void {
    const { group, findVersion } = this.options;
    const request = { key: group, keyType: CoordinatorType.GROUP, coordinatorKeys: [group] };
    this.ask((done) =>
      connection.request(apis.findCoordinator, findVersion, request, (response) => {
        const found = findVersion >= MANY_KEYS_VERSION ? response?.coordinators[0] : response;
        countError(this.env, found?.errorCode ?? 0);
        if (found?.errorCode === ErrorCode.NONE) this.coordinator = found.nodeId;
        done();
      }),
    );
  }

  private commit(connection: BrokerConnection, places: readonly Place[]): void {
    const { group, commitVersion } = this.options;
    const count = ++this.commits;
    const topics = this.byTopic(places).map(({ topic, partitions }) => ({
      ...topic,
      partitions: partitions.map((partitionIndex) => ({
        partitionIndex,
        committedOffset: count,
        // This text is unique in the whole run. So the answer to a fetch shows which commit it returns.
        committedMetadata: `${this.name}-${count}`,
      })),
    }));
    this.ask((done) =>
      connection.request(apis.offsetCommit, commitVersion, { groupId: group, topics }, (response) => {
        const codes = response?.topics.flatMap(({ partitions }) => partitions.map((one) => one.errorCode));
        if (codes?.every((code) => code === ErrorCode.NONE) === true) {
          this.lastCommitUs = this.env.world.nowUs;
          for (const place of places) this.committed.set(`${place.topic}-${place.partition}`, place);
        }
        this.judge(codes);
        done();
      }),
    );
  }

  private fetch(connection: BrokerConnection, places: readonly Place[]): void {
    const { group, fetchVersion } = this.options;
    const topics = this.byTopic(places).map(({ topic, partitions }) => ({
      ...topic,
      partitionIndexes: partitions,
    }));
    const request = { groupId: group, topics, groups: [{ groupId: group, topics }], requireStable: true };
    this.ask((done) =>
      connection.request(apis.offsetFetch, fetchVersion, request, (response) => {
        const fetched = fetchVersion >= MANY_GROUPS_VERSION ? response?.groups[0] : response;
        const codes = fetched && [
          fetched.errorCode,
          ...fetched.topics.flatMap(({ partitions }) => partitions.map((one) => one.errorCode)),
        ];
        if (codes?.every((code) => code === ErrorCode.NONE || code === ErrorCode.UNKNOWN_TOPIC_ID) === true)
          this.lastFetchUs = this.env.world.nowUs;
        this.judge(codes);
        done();
      }),
    );
  }

  private ask(send: (done: () => void) => void): void {
    this.isAsking = true;
    send(() => {
      this.isAsking = false;
      this.think();
    });
  }

  /** `codes`: the error codes of an answer; undefined if no answer came. */
  private judge(codes: readonly number[] | undefined): void {
    if (codes === undefined) this.coordinator = undefined;
    for (const code of codes ?? []) {
      countError(this.env, code);
      if (code === ErrorCode.NOT_COORDINATOR || code === ErrorCode.COORDINATOR_NOT_AVAILABLE)
        this.coordinator = undefined;
    }
  }

  private byTopic(places: readonly Place[]) {
    const topics = [...new Set(places.map(({ topic }) => topic))];
    return topics.map((name) => ({
      topic: { name, topicId: this.metadata.topics.get(name)!.topicId },
      partitions: places.filter(({ topic }) => topic === name).map(({ partition }) => partition),
    }));
  }
}

export const COMMIT_VERSIONS: readonly number[] = [2, 5, 6, 7, 8, 9, WITH_ID_VERSION, WITH_ID_VERSION];
export const FETCH_VERSIONS: readonly number[] = [1, 2, 5, 7, 8, 9, WITH_ID_VERSION, WITH_ID_VERSION];
export const FIND_VERSIONS: readonly number[] = [0, 2, 3, 4, 6];
