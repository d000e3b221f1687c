/**
 * A small cluster of simulated nodes, with checkers. A test corrupts the state of the cluster, and expects
 * the violation that a checker reports.
 */

import { History, type TopicRef, Violation } from '@millrace/checkers';
import { MetadataImage } from '@millrace/metadata';
import { buildBatch } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type { StateCheckerKind } from '../../src/checkers/checker.ts';
import { attachCheckers } from '../../src/checkers/index.ts';
import { Admin, type ClientEnv } from '../../src/clients/index.ts';
import { SimCluster, type SimNode, TopicIds } from '../../src/cluster/index.ts';
import { Atlas, TouchedMachines } from '../../src/faults/index.ts';
import { Network } from '../../src/net/index.ts';
import { Host, SECOND, World } from '../../src/world/index.ts';

const NETWORK = {
  delayUs: 100,
  jitterUs: 50,
  bytesPerSecond: 100_000_000,
  splitPerMille: 0,
  connectTimeoutMs: 1_000,
  keepAliveMs: 4_000,
  lingerPerMille: 0,
};

/** The violation as `checker: sentence`, or undefined. */
export function violationOf(act: () => void): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw error;
  }
  return undefined;
}

/** Controllers (default: one) and three brokers, with a topic `t` of one partition on every broker. */
export class SmallCluster {
  readonly world = new World(7);
  readonly history = new History();
  readonly cluster: SimCluster;
  readonly atlas: Atlas;
  readonly touched = new TouchedMachines(this.world);
  readonly finish: () => void;
  readonly exempt = new Set<string>();
  readonly admin: Admin;
  readonly network: Network;
  readonly topicIds: TopicIds;
  private produced = 0;

  constructor(
    kinds: readonly StateCheckerKind[],
    controllers = 1,
    settings: Readonly<Record<string, string>> = {},
  ) {
    const { world, history } = this;
    this.network = new Network(world, NETWORK);
    this.cluster = new SimCluster(world, this.network, compressionCodecs, {
      controllers,
      brokers: 3,
      combined: false,
      settings: {
        'auto.create.topics.enable': 'false',
        'broker.session.timeout.ms': '1500',
        ...settings,
      },
    });
    const { cluster } = this;
    this.topicIds = new TopicIds(world, cluster);
    this.atlas = new Atlas(cluster, false);
    const isExempt = ({ topic }: TopicRef) => this.exempt.has(topic);
    const { atlas, touched } = this;
    this.finish = attachCheckers({ world, cluster, atlas, touched, history, isExempt }, kinds);
    for (const node of cluster.nodes) node.start();
    this.admin = new Admin(this.machine('a1'), 2_000);
    this.admin.start();
    this.until(() => cluster.brokers.every(({ isReady }) => isReady));
    this.createTopic('t');
  }

  createTopic(name: string): void {
    let isDone = false;
    this.admin.createTopic({ name, partitions: 1, replicationFactor: 3, configs: {} }, () => {
      isDone = true;
    });
    this.until(() => isDone && this.cluster.image().topic(name) !== undefined);
    this.run(1);
  }

  /** Deletes the topic. Returns when every broker that runs knows this. */
  deleteTopic(name: string): void {
    const { id } = this.cluster.image().topic(name)!;
    let isDone = false;
    this.admin.deleteTopicWithId(name, id, () => {
      isDone = true;
    });
    this.until(() => isDone);
    this.run(1);
  }

  /** Deletes the topic, and creates another one under its name. */
  createAgain(name: string): void {
    this.deleteTopic(name);
    this.createTopic(name);
  }

  run(seconds: number): void {
    this.world.runUntil(this.world.nowUs + seconds * SECOND);
  }

  until(condition: () => boolean): void {
    if (!this.world.runUntil(this.world.nowUs + 30 * SECOND, condition))
      throw new Error('the condition never came true');
  }

  get leader(): SimNode {
    return this.cluster.node(this.state.leader)!;
  }

  get followers(): SimNode[] {
    return this.cluster.brokers.filter((node) => node !== this.leader);
  }

  get state() {
    return this.cluster.partitions().find(({ topic }) => topic === 't')!.image;
  }

  replica(node: SimNode) {
    const { topicId } = this.cluster.partitions().find(({ topic }) => topic === 't')!;
    return this.cluster.replica(node, topicId, 0)!;
  }

  /**
   * Appends a batch at the leader, in a turn of its own, as a request does. Returns when every replica knows
   * that the batch is committed.
   */
  produce(batch: (value: string) => Uint8Array): void {
    const { leader } = this;
    const { topicId } = this.replica(leader);
    const records = batch(`p1-${this.produced++}`);
    leader.life!.turn('io', () =>
      leader.roles!.broker!.replicas.produce(
        {
          acks: -1,
          apiVersion: 9,
          timeoutMs: 1_000,
          partitions: [{ topicId, partition: 0, records }],
        } as never,
        () => {},
      ),
    );
    const end = this.replica(leader).log.endOffset;
    this.until(() => this.cluster.brokers.every((node) => this.replica(node).highWatermark === end));
  }

  /** Runs `how` in a turn of the node. After the turn the checkers look. */
  corrupt(node: SimNode, how: () => void): void {
    node.life!.turn('io', how);
  }

  /** A client on a machine of its own. */
  machine(name: string): ClientEnv {
    const { world, network, cluster, history } = this;
    const host = new Host(world, name);
    network.add(host);
    const life = host.boot();
    const random = life.random.fork('client');
    const { bootstrap } = cluster;
    return {
      name,
      world,
      life,
      net: network.netOf(life),
      random,
      createsTopics: false,
      bootstrap,
      history,
      codecs: compressionCodecs,
      topicIdOf: (topic, sinceUs) => this.topicIds.named(topic, sinceUs),
      topicIdOfOffsets: (topic, sinceUs) => this.topicIds.ofOffsets(topic, sinceUs),
    };
  }
}

const TEXT = new TextEncoder();

/** A batch of one record. */
export function batch(value: string): Uint8Array {
  return buildBatch({ records: [{ value: TEXT.encode(value) }], baseTimestamp: 1_700_000_000_000 });
}

export function controllerOf(node: SimNode) {
  return node.roles!.controller!.controller;
}

/** Changes the metadata of the cluster as if the controller had committed the change. */
export function decree(small: SmallCluster, change: (image: MetadataImage) => MetadataImage): void {
  const node = small.cluster.controllers[0]!;
  const controller = controllerOf(node);
  small.corrupt(node, () => {
    const { image } = controller;
    controller.image = new MetadataImage({ ...change(image), offset: image.offset + 1 });
  });
}
