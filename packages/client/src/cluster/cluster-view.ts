/**
 * A client's view of the cluster (brokers, topics, leaders), and the client's connections. The view asks any
 * broker that answers, first the bootstrap servers. It asks for new metadata when the metadata are old or
 * incomplete, when a connection closes, and when its owner asks. If several of these happen at once, the view
 * sends one request.
 */
import type { Address, Clock, Millis, NodeId, Random, Timer, Uuid } from '@millrace/base';
import { apis, type MetadataResponse } from '@millrace/protocol';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import { BrokerConnections, type OpenConnection } from './broker-connections.ts';
import { type KnownPartition, KnownTopics } from './known-topics.ts';

export interface ClusterViewOptions {
  readonly clock: Clock;
  /** Draws the first bootstrap server, so that many clients do not all ask the same one. */
  readonly random: Random;
  readonly bootstrap: readonly Address[];
  readonly open: OpenConnection;
  /** The names of the topics to ask for. */
  readonly wanted: () => readonly string[];
  /**
   * The ids of topics whose names the owner does not know. The view first asks for these ids and then for the
   * names, because no request may have both.
   */
  readonly wantedIds?: () => readonly Uuid[];
  /** Called when metadata arrived, or when a connection is ready or closed. */
  readonly changed: () => void;
  /**
   * The wait before the next connection to a broker, and after a request that failed or brought incomplete
   * metadata. Default 100.
   */
  readonly backoffMs?: Millis;
  /** The view asks for complete metadata again when its metadata are this old. Default 5000. */
  readonly maxAgeMs?: Millis;
  /**
   * True: a broker may create a topic that is wanted and missing (`allow.auto.create.topics`). Default false.
   */
  readonly createsTopics?: boolean;
  /** The version of Metadata. Default: the newest that both sides have. */
  readonly metadataVersion?: number;
  /** Called with each answer, before the view takes it in. */
  readonly answered?: (response: MetadataResponse) => void;
}

const BACKOFF_MS = 100;
const MAX_AGE_MS = 5_000;
/** The first version of Metadata that accepts topic ids. */
const IDS_FROM_VERSION = 12;

export class ClusterView {
  readonly topics = new KnownTopics();
  private readonly options: ClusterViewOptions;
  private readonly backoffMs: Millis;
  private readonly brokers = new Map<NodeId, Address>();
  private readonly connections: BrokerConnections;
  /** True: a request is under way, or `refreshIn` has set the timer for it. */
  private isAsking = false;
  /** True: the last request named topics by id, so the next one names topics by name. */
  private hasAskedIds = false;
  private isClosed = false;
  private timer: Timer | undefined;
  private nextServer: number;

  constructor(options: ClusterViewOptions) {
    const { clock, open, random, bootstrap } = options;
    this.options = options;
    this.backoffMs = options.backoffMs ?? BACKOFF_MS;
    this.nextServer = random.below(Math.max(1, bootstrap.length));
    this.connections = new BrokerConnections({
      clock,
      open,
      backoffMs: this.backoffMs,
      changed: ({ isClosed }) => {
        if (this.isClosed) return;
        if (isClosed) this.refresh();
        options.changed();
      },
    });
  }

  start(): void {
    this.refreshIn(0);
  }

  /** Sends no more requests, and closes every connection. `changed` is not called again. */
  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
    this.connections.close();
  }

  partition(topic: string, index: number): KnownPartition | undefined {
    return this.topics.partition(topic, index);
  }

  /**
   * A ready connection. Undefined: the broker is unknown or down, or the connection is opening. The view
   * calls `changed` when this may have changed.
   */
  connectionTo(nodeId: NodeId): BrokerConnection | undefined {
    const address = this.brokers.get(nodeId);
    return address === undefined ? undefined : this.connections.to(address);
  }

  /** The ids of all brokers that any Metadata answer has named so far. */
  get brokerIds(): NodeId[] {
    return [...this.brokers.keys()];
  }

  /** A ready connection to any broker. Undefined: none is ready, and the call tries the next server. */
  anyConnection(): BrokerConnection | undefined {
    const ready = this.connections.ready();
    if (ready !== undefined) return ready;
    const all = [...this.brokers.values(), ...this.options.bootstrap];
    const address = all[this.nextServer++ % all.length];
    return address === undefined ? undefined : this.connections.to(address);
  }

  /** Asks for metadata soon. Many calls lead to one request. */
  refresh(): void {
    this.refreshIn(this.backoffMs / 2);
  }

  /** Notes the leader in an answer that names this topic id (KIP-951). */
  hint(topicId: Uuid, index: number, leaderId: NodeId, leaderEpoch: number): void {
    this.topics.hint(topicId, index, leaderId, leaderEpoch);
  }

  private refreshIn(delayMs: Millis): void {
    if (this.isAsking || this.isClosed) return;
    this.isAsking = true;
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(delayMs, () => this.ask());
  }

  private ask(): void {
    const {
      wanted,
      wantedIds,
      metadataVersion,
      maxAgeMs = MAX_AGE_MS,
      answered,
      changed,
      clock,
    } = this.options;
    const allowAutoTopicCreation = this.options.createsTopics === true;
    const connection = this.anyConnection();
    const version = metadataVersion ?? connection?.versions?.newest(apis.metadata);
    if (connection === undefined || version === undefined) {
      this.askAgain();
      return;
    }
    const ids = version >= IDS_FROM_VERSION ? (wantedIds?.() ?? []) : [];
    const asksIds = ids.length > 0 && !this.hasAskedIds;
    this.hasAskedIds = asksIds;
    const topics = asksIds
      ? ids.map((topicId) => ({ topicId, name: null }))
      : wanted().map((name) => ({ name }));
    connection.request(apis.metadata, version, { topics, allowAutoTopicCreation }, (response) => {
      if (this.isClosed) return;
      if (response === undefined) {
        this.askAgain();
        return;
      }
      this.isAsking = false;
      answered?.(response);
      if (this.learn(response, asksIds ? ids : []) && !asksIds)
        this.timer = clock.setTimer(maxAgeMs, () => this.refreshIn(0));
      else this.refreshIn(this.backoffMs);
      changed();
    });
  }

  private askAgain(): void {
    this.isAsking = false;
    this.refreshIn(this.backoffMs);
  }

  /**
   * Takes in the metadata. Returns whether they are complete: no topic has an error, and every partition has
   * a leader.
   */
  private learn(response: MetadataResponse, askedIds: readonly Uuid[]): boolean {
    for (const { nodeId, host, port } of response.brokers) this.brokers.set(nodeId, { host, port });
    let isComplete = true;
    for (const topic of response.topics) {
      const isAskedById = askedIds.includes(topic.topicId as Uuid);
      if (!this.topics.learn(topic, isAskedById)) isComplete = false;
    }
    return isComplete;
  }
}
