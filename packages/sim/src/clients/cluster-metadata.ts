/**
 * A client's view of the cluster: brokers, topics, leaders; and its connections. Asks any broker that
 * answers, first the bootstrap servers. Never returns to an older leader epoch of the same topic.
 */
import type { Address, Millis, NodeId, Timer, Uuid } from '@millrace/base';
import type { BrokerConnection } from '@millrace/client';
import { apis, type MetadataResponse } from '@millrace/protocol';
import { openConnection } from './broker-connection.ts';
import { type ClientEnv, countError } from './env.ts';

export interface KnownPartition {
  leaderId: NodeId;
  leaderEpoch: number;
}

export interface KnownTopic {
  readonly topicId: Uuid;
  readonly partitions: KnownPartition[];
}

const METADATA_VERSION = 12;
const RETRY_MS = 100;
const MAX_AGE_MS = 5_000;

export class ClusterMetadata {
  readonly topics = new Map<string, KnownTopic>();
  private readonly env: ClientEnv;
  private readonly timeoutMs: Millis;
  private readonly wanted: () => readonly string[];
  private readonly changed: () => void;
  private readonly brokers = new Map<NodeId, Address>();
  private readonly connections = new Map<string, BrokerConnection>();
  private readonly notBefore = new Map<string, Millis>();
  private asking = false;
  private timer: Timer | undefined;
  private nextBootstrap: number;

  /**
   * `wanted`: the topics to ask for; `changed` is called when metadata arrive, or a connection becomes ready
   * or breaks.
   */
  constructor(
    env: ClientEnv,
    options: {
      readonly timeoutMs: Millis;
      readonly wanted: () => readonly string[];
      readonly changed: () => void;
    },
  ) {
    this.env = env;
    this.timeoutMs = options.timeoutMs;
    this.wanted = options.wanted;
    this.changed = options.changed;
    this.nextBootstrap = env.random.below(Math.max(1, env.bootstrap.length));
  }

  start(): void {
    this.refreshIn(0);
  }

  partition(topic: string, index: number): KnownPartition | undefined {
    return this.topics.get(topic)?.partitions[index];
  }

  /**
   * A ready connection; undefined if the broker is unknown or down, or the connection is opening (`changed`
   * follows).
   */
  connectionTo(nodeId: NodeId): BrokerConnection | undefined {
    const address = this.brokers.get(nodeId);
    return address === undefined ? undefined : this.connect(address);
  }

  /** Every broker in any metadata so far. */
  get brokerIds(): NodeId[] {
    return [...this.brokers.keys()];
  }

  /** A ready connection to any broker. */
  anyConnection(): BrokerConnection | undefined {
    for (const connection of this.connections.values()) if (connection.isReady) return connection;
    const all = [...this.brokers.values(), ...this.env.bootstrap];
    const address = all[this.nextBootstrap++ % all.length]!;
    return this.connect(address);
  }

  /** Asks soon; many calls become one request. */
  refresh(): void {
    this.refreshIn(RETRY_MS / 2);
  }

  /** Notes the leader in an answer (KIP-951). */
  hint(topic: string, index: number, leaderId: NodeId, leaderEpoch: number): void {
    const known = this.partition(topic, index);
    if (known === undefined || leaderEpoch <= known.leaderEpoch) return;
    known.leaderId = leaderId;
    known.leaderEpoch = leaderEpoch;
  }

  private connect(address: Address): BrokerConnection | undefined {
    const name = `${address.host}:${address.port}`;
    const known = this.connections.get(name);
    if (known !== undefined) return known.isReady ? known : undefined;
    const now = this.env.life.clock.monotonicMs();
    if (now < (this.notBefore.get(name) ?? 0)) return undefined;
    const connection = openConnection(this.env, address, this.timeoutMs, () => {
      if (connection.isClosed) {
        this.connections.delete(name);
        this.notBefore.set(name, this.env.life.clock.monotonicMs() + RETRY_MS);
        this.refresh();
      }
      this.changed();
    });
    this.connections.set(name, connection);
    return undefined;
  }

  private refreshIn(delayMs: Millis): void {
    if (this.asking) return;
    this.asking = true;
    this.timer?.cancel();
    this.timer = this.env.life.clock.setTimer(delayMs, () => this.ask());
  }

  private ask(): void {
    const connection = this.anyConnection();
    if (connection === undefined) {
      this.again(RETRY_MS);
      return;
    }
    const topics = this.wanted().map((name) => ({ name }));
    connection.request(
      apis.metadata,
      METADATA_VERSION,
      { topics, allowAutoTopicCreation: false },
      (response) => {
        if (response === undefined) {
          this.again(RETRY_MS);
          return;
        }
        this.asking = false;
        const isComplete = this.learn(response);
        if (isComplete) this.timer = this.env.life.clock.setTimer(MAX_AGE_MS, () => this.refreshIn(0));
        else this.refreshIn(RETRY_MS);
        this.changed();
      },
    );
  }

  private again(delayMs: Millis): void {
    this.asking = false;
    this.refreshIn(delayMs);
  }

  /** Returns whether every partition has a leader. */
  private learn(response: MetadataResponse): boolean {
    for (const { nodeId, host, port } of response.brokers) this.brokers.set(nodeId, { host, port });
    let isComplete = true;
    for (const topic of response.topics) {
      countError(this.env, topic.errorCode);
      const name = topic.name;
      if (name === null) continue;
      if (topic.errorCode !== 0) {
        isComplete = false;
        continue;
      }
      let known = this.topics.get(name);
      if (known === undefined || known.topicId !== topic.topicId) {
        known = { topicId: topic.topicId as Uuid, partitions: [] };
        this.topics.set(name, known);
      }
      for (const { partitionIndex, leaderId, leaderEpoch, errorCode } of topic.partitions) {
        countError(this.env, errorCode);
        const before = known.partitions[partitionIndex];
        if (before === undefined) known.partitions[partitionIndex] = { leaderId, leaderEpoch };
        else if (leaderEpoch >= before.leaderEpoch) {
          before.leaderId = leaderId;
          before.leaderEpoch = leaderEpoch;
        }
        if (leaderId < 0) isComplete = false;
      }
    }
    return isComplete;
  }
}
