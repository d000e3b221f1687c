/**
 * A cluster as hosts use it: a view of its brokers and topics over sockets, for clients that need more than
 * one broker. The other parts of this package take callbacks. This file turns the callbacks into promises,
 * for commands and tests.
 */
import { type Clock, type Net, type NodeId, Timers, type Uuid } from '@millrace/base';
import { NodeClock, NodeNet, NodeRandom } from '@millrace/base/io';
import { parseAddress } from '../addresses.ts';
import type { GroupAdminOptions } from '../admin/group-admin.ts';
import { GroupAdmin } from '../admin/group-admin.ts';
import { describeLogDirs, type LogDir } from '../admin/log-dirs.ts';
import { lookUpOffsets, type OffsetFound, type OffsetWanted } from '../admin/offset-lookup.ts';
import { type DeletionWanted, deleteRecords, type RecordsDeleted } from '../admin/record-deletion.ts';
import type { OpenConnection } from '../cluster/broker-connections.ts';
import { ClusterView } from '../cluster/cluster-view.ts';
import type { KnownTopic } from '../cluster/known-topics.ts';
import { BrokerConnection } from '../connection/broker-connection.ts';
import { ClientError, KafkaClient, type KafkaClientOptions } from './kafka-client.ts';

export interface KafkaClusterOptions extends KafkaClientOptions {
  /** How long a call may take, with all its retries. Default 15,000. */
  readonly timeoutMs?: number;
  /** True: a broker may create a wanted topic that does not exist. Default false. */
  readonly createsTopics?: boolean;
}

const TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 30_000;
const ANSWER_BYTES_MAX = 256 << 20;
const RETRY_MS = 50;
/** If no broker knows a topic for this long, the topic counts as missing. */
const MISSING_MS = 1_500;

/** The found offsets, and the errors of the other partitions by `topic-partition`. */
export interface LookedUp {
  readonly found: readonly OffsetFound[];
  readonly failed: ReadonlyMap<string, string>;
}

/** `found`: the log directories of each broker. `failed`: why each other broker did not describe its own. */
export interface LogDirsFound {
  readonly found: ReadonlyMap<NodeId, readonly LogDir[]>;
  readonly failed: ReadonlyMap<NodeId, string>;
}

/** The partitions whose records were deleted, and the errors of the other partitions by `topic-partition`. */
export interface Deleted {
  readonly deleted: readonly RecordsDeleted[];
  readonly failed: ReadonlyMap<string, string>;
}

export class KafkaCluster {
  readonly view: ClusterView;
  readonly clock: Clock;
  readonly random: NodeRandom = new NodeRandom();
  readonly open: OpenConnection;
  readonly groups: GroupAdmin;
  readonly timeoutMs: number;
  private readonly timers: Timers;
  private readonly topics = new Set<string>();
  private hasMetadata = false;
  /**
   * The clients that use this view. The view asks brokers about the topics of these clients, and tells the
   * clients each change.
   */
  private readonly clients = new Set<ClusterClient>();

  private constructor(servers: string, options: KafkaClusterOptions) {
    const net: Net = options.net ?? new NodeNet();
    const clientId = options.clientId ?? 'millrace';
    this.clock = options.clock ?? new NodeClock();
    this.timers = new Timers(this.clock);
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.open = (address, changed) =>
      new BrokerConnection(
        {
          net,
          address,
          timers: this.timers,
          clientId,
          software: { name: clientId, version: options.softwareVersion ?? '1' },
          connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
          requestTimeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
          frameBytesMax: options.answerBytesMax ?? ANSWER_BYTES_MAX,
        },
        { changed },
      );
    const bootstrap = servers.split(',').map((server) => parseAddress(server)!);
    this.view = new ClusterView({
      clock: this.clock,
      random: this.random,
      bootstrap,
      open: this.open,
      createsTopics: options.createsTopics ?? false,
      wanted: () => [...new Set([...this.topics, ...[...this.clients].flatMap((one) => one.wantedTopics)])],
      wantedIds: () => [...this.clients].flatMap((one) => one.wantedIds ?? []),
      answered: () => {
        this.hasMetadata = true;
      },
      changed: () => {
        for (const client of this.clients) client.clusterChanged();
      },
    });
    const { clock, open, view: cluster, timeoutMs } = this;
    const admin: GroupAdminOptions = { clock, cluster, open, timeoutMs };
    this.groups = new GroupAdmin({ ...admin, topicId: (topic) => this.view.topics.get(topic)?.topicId });
  }

  /** Connects to the brokers of a `host:port,host:port` list. Rejects with a ClientError if none answers. */
  static async connect(servers: string, options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
    // If no server answers, the error of KafkaClient says for each server why.
    const first = await KafkaClient.bootstrap(servers, options);
    first.close();
    const parsed = servers.split(',').filter((server) => parseAddress(server) !== undefined);
    const cluster = new KafkaCluster(parsed.join(), options);
    cluster.view.start();
    return cluster;
  }

  /** From now on, the view asks brokers about the topics of this client, and tells the client each change. */
  add(client: ClusterClient): void {
    this.clients.add(client);
    this.view.refresh();
  }

  remove(client: ClusterClient): void {
    this.clients.delete(client);
  }

  /**
   * Waits for the metadata of these topics. The result lacks the topics that do not exist. Rejects with a
   * ClientError if no broker answers within the timeout, or if some partition has no leader by then.
   * `needsLeaders` false: leaders do not matter.
   */
  async describe(names: readonly string[], needsLeaders = true): Promise<Map<string, KnownTopic>> {
    for (const name of names) this.topics.add(name);
    const beganMs = this.clock.monotonicMs();
    for (;;) {
      const topics = names.map((name) => this.view.topics.get(name));
      const isLed = ({ partitions }: KnownTopic) =>
        !needsLeaders || partitions.every(({ leaderId }) => leaderId >= 0);
      const found = topics.filter((topic) => topic !== undefined);
      const waitedMs = this.clock.monotonicMs() - beganMs;
      // A topic that was just created may still be unknown to some brokers.
      const isOver = found.length === names.length || (this.hasMetadata && waitedMs > MISSING_MS);
      if (isOver && found.every(isLed)) return new Map(found.map((topic) => [topic.name, topic]));
      if (waitedMs > this.timeoutMs) {
        const leaderless = found.find((topic) => !isLed(topic))?.name;
        throw new ClientError(
          leaderless === undefined
            ? `no broker describes the topics within ${this.timeoutMs} ms`
            : `topic '${leaderless}' has a partition without a leader`,
        );
      }
      this.view.refresh();
      await new Promise<void>((done) => this.clock.setTimer(RETRY_MS, done));
    }
  }

  /** Looks up offsets (see OffsetWanted). A partition without a leader fails; the others do not. */
  async lookUp(wanted: readonly OffsetWanted[], timeoutMs: number = this.timeoutMs): Promise<LookedUp> {
    await this.describe([...new Set(wanted.map(({ topic }) => topic))], false);
    const { clock, view: cluster } = this;
    return new Promise((resolve) =>
      lookUpOffsets({
        clock,
        cluster,
        timeoutMs,
        retryMs: RETRY_MS,
        wanted,
        done: (found, failed) => resolve({ found, failed }),
      }),
    );
  }

  /**
   * The log directories of every live broker. `topics`: the partitions to describe; null: all. Rejects with a
   * ClientError if no broker says which brokers are alive.
   */
  async logDirs(
    topics: ReadonlyMap<string, readonly number[]> | null = null,
    timeoutMs: number = this.timeoutMs,
  ): Promise<LogDirsFound> {
    const { clock, view: cluster } = this;
    return new Promise((resolve, reject) =>
      describeLogDirs({
        clock,
        cluster,
        timeoutMs,
        retryMs: RETRY_MS,
        topics,
        done: (found, failed, error) => {
          if (error === undefined) resolve({ found, failed });
          else reject(new ClientError(`the log directories were not described: ${error}`));
        },
      }),
    );
  }

  /** Deletes records (see DeletionWanted). A partition without a leader fails; the others do not. */
  async deleteRecords(
    wanted: readonly DeletionWanted[],
    timeoutMs: number = this.timeoutMs,
  ): Promise<Deleted> {
    await this.describe([...new Set(wanted.map(({ topic }) => topic))], false);
    const { clock, view: cluster } = this;
    return new Promise((resolve) =>
      deleteRecords({
        clock,
        cluster,
        timeoutMs,
        retryMs: RETRY_MS,
        wanted,
        done: (deleted, failed) => resolve({ deleted, failed }),
      }),
    );
  }

  /** Closes every connection of the view. */
  close(): void {
    this.view.close();
    this.timers.stop();
  }
}

/** A consumer, a group's consumer or a producer on a cluster's view. */
export interface ClusterClient {
  readonly wantedTopics: readonly string[];
  readonly wantedIds?: readonly Uuid[];
  clusterChanged(): void;
}

/**
 * Turns a call of a heart into a promise. It resolves with `found`, or rejects with a ClientError whose
 * message is `what` and the error of the call.
 */
export function promised<T>(
  what: string,
  call: (done: (found: T | undefined, error: string | undefined) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) =>
    call((found, error) => {
      if (found === undefined || error !== undefined) reject(new ClientError(`${what}: ${error}`));
      else resolve(found);
    }),
  );
}
