/**
 * Watches a cluster from outside, as an operator would: asks a broker for leaders, ISRs and the active
 * controller, again and again, and notes each change in the history.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeId } from '@millrace/base';
import type { Micros } from '@millrace/checkers';
import { describeTopicsRequest } from '@millrace/client';
import { KafkaClient } from '@millrace/client/io';
import { apis } from '@millrace/protocol';
import type { FaultCluster } from '../faults/index.ts';
import type { ClusterSample, HistoryLine } from '../types.ts';

export interface WatchOptions {
  readonly bootstrapServers: string;
  /** The topics to watch, as their names are now. */
  readonly topics: () => readonly string[];
  readonly nodes: () => ClusterSample['nodes'];
  readonly nowUs: () => Micros;
  readonly add: (line: HistoryLine) => void;
}

/** Time between two looks. */
const LOOK_MS = 100;
/** A broker that does not answer within this time is left for another one. */
const ANSWER_LIMIT_MS = 1000;

type Partitions = ClusterSample['partitions'];

export class ClusterWatch implements FaultCluster {
  /** The newest sample. Undefined before the first one. */
  latest: ClusterSample | undefined;
  private readonly o: WatchOptions;
  private readonly servers: readonly string[];
  private next = 0;
  private client: KafkaClient | undefined;
  private isOver = false;
  private done: Promise<void> | undefined;
  private noted = '';

  constructor(options: WatchOptions) {
    this.o = options;
    this.servers = options.bootstrapServers.split(',');
  }

  start(): void {
    this.done = this.watch();
  }

  async stop(): Promise<void> {
    this.isOver = true;
    this.client?.close();
    await this.done;
  }

  leaderOf(topic: string, partition: number): NodeId {
    return this.partition(topic, partition)?.leader ?? -1;
  }

  isrOf(topic: string, partition: number): readonly NodeId[] {
    return this.partition(topic, partition)?.isr ?? [];
  }

  activeController(): NodeId | undefined {
    return this.latest?.activeController;
  }

  async coordinatorOf(group: string): Promise<NodeId | undefined> {
    const found = await this.askAny((client) => askCoordinator(client, group));
    return found === undefined || found < 0 ? undefined : found;
  }

  private partition(topic: string, partition: number): Partitions[number] | undefined {
    return this.latest?.partitions.find((one) => one.topic === topic && one.partition === partition);
  }

  /** Looks now. `activeController` is undefined and `partitions` is empty if no broker answers. */
  async look(): Promise<ClusterSample> {
    const { nodes, nowUs } = this.o;
    const found = await this.ask();
    const sample: ClusterSample = {
      atUs: nowUs(),
      activeController: found?.activeController,
      partitions: found?.partitions ?? [],
      nodes: nodes(),
    };
    this.latest = sample;
    this.note(sample);
    return sample;
  }

  private async watch(): Promise<void> {
    while (!this.isOver) {
      await this.look();
      await sleep(LOOK_MS);
    }
  }

  /** Adds the sample to the history if it differs from the last one. */
  private note(sample: ClusterSample): void {
    const { atUs: _, ...state } = sample;
    const text = JSON.stringify(state);
    if (text === this.noted || this.isOver) return;
    this.noted = text;
    this.o.add({ line: 'sample', ...sample });
  }

  private ask() {
    return this.askAny(async (client) => ({
      partitions: await this.partitions(client),
      activeController: await askController(client),
    }));
  }

  /** Asks one broker after another, each at most once. Undefined: none answers. */
  private async askAny<T>(question: (client: KafkaClient) => Promise<T>): Promise<T | undefined> {
    for (let tries = 0; tries < this.servers.length && !this.isOver; tries++) {
      try {
        return await question(await this.connected());
      } catch {
        this.client?.close();
        this.client = undefined;
        this.next++;
      }
    }
    return undefined;
  }

  private async connected(): Promise<KafkaClient> {
    const server = this.servers[this.next % this.servers.length]!;
    this.client ??= await KafkaClient.connect(server, {
      clientId: 'millrace-chaos',
      connectTimeoutMs: ANSWER_LIMIT_MS,
      requestTimeoutMs: ANSWER_LIMIT_MS,
    });
    return this.client;
  }

  private async partitions(client: KafkaClient): Promise<Partitions> {
    const names = this.o.topics();
    if (names.length === 0) return [];
    const { topics } = await client.call(apis.metadata, describeTopicsRequest([...names]));
    return topics
      .flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, leaderId, leaderEpoch, isrNodes }) => ({
          topic: name ?? '',
          partition: partitionIndex,
          leader: leaderId,
          leaderEpoch,
          isr: [...isrNodes].sort((a, b) => a - b),
        })),
      )
      .sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
  }
}

async function askController(client: KafkaClient): Promise<NodeId | undefined> {
  const answer = await client.call(apis.describeQuorum, {
    topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
  });
  const leader = answer.topics[0]?.partitions[0]?.leaderId ?? -1;
  return leader < 0 ? undefined : leader;
}

/** The id of the group's coordinator; -1: it has none now. */
async function askCoordinator(client: KafkaClient, group: string): Promise<NodeId> {
  const answer = await client.call(apis.findCoordinator, {
    key: group,
    keyType: 0,
    coordinatorKeys: [group],
  });
  const found = answer.coordinators[0] ?? answer;
  return found.errorCode === 0 ? found.nodeId : -1;
}
