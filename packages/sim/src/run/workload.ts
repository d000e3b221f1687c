/**
 * The clients of a run: producers, consumers by assignment, clients of groups, an administrator and a prober,
 * each on a machine of its own. The administrator creates the topics of the scenario. For faults that act as
 * an operator, it also creates, grows and deletes topics, alters configs, and deletes records.
 */
import type { Offset, Prng, Uuid } from '@millrace/base';
import type { History, TopicRef } from '@millrace/checkers';
import { Compression, type CompressionCodecs } from '@millrace/protocol';
import type { Partition } from '@millrace/replication';
import {
  Admin,
  BatchReader,
  type ClientEnv,
  Consumer,
  type ConsumerOptions,
  Prober,
  Producer,
  type ProducerOptions,
} from '../clients/index.ts';
import { type SimCluster, TopicIds } from '../cluster/index.ts';
import type { AlteredResource, DeletedRecords, ExtraTopic, Operator } from '../faults/index.ts';
import type { Network } from '../net/index.ts';
import { isKeyed, type Scenario, type TopicPlan } from '../plan/index.ts';
import { Host, MILLISECOND, type World } from '../world/index.ts';
import { GroupWorkload } from './group-workload.ts';

interface Surroundings {
  readonly world: World;
  readonly network: Network;
  readonly cluster: SimCluster;
  readonly history: History;
  readonly codecs: CompressionCodecs;
  readonly scenario: Scenario;
  /** Whether the topic may have lost more than the durability contract allows. */
  isBeyond(topic: TopicRef): boolean;
}

type KnownTopic = TopicPlan & {
  /** Whether clients use the topic: its creation succeeded, or brokers create it at the first request. */
  exists: boolean;
  /** The number of partitions that the last request has asked for. */
  asked: number;
  deleteAsked: boolean;
  /** The topic is being deleted and created again. */
  isBetween: boolean;
  /** An operator created it. */
  readonly isExtra: boolean;
  /**
   * A broker creates it at the first request of a client. No operator deletes and creates it again, because a
   * broker may create the topic before the operator does.
   */
  readonly isAuto: boolean;
};

/** Pause of the administrator before it repeats a request. */
const AGAIN_US = 300 * MILLISECOND;

const UNCLEAN: Readonly<Record<string, string>> = { 'unclean.leader.election.enable': 'true' };

/** The prober's topic. No other client and no operator uses it, because `allTopics` leaves it out. */
const PROBER_TOPIC = 'probe-1';

/** Average time between two batches of a producer in a quiet phase. */
const QUIET_PACE_MS = 1_000;
/**
 * Range of the time that a consumer's fetch waits for records (`fetch.max.wait.ms`); less than the shortest
 * request timeout. In a quiet phase every fetch waits for the largest time.
 */
const WAIT_MS_MIN = 10;
const WAIT_MS_MAX = 500;

const one = <T>(random: Prng, list: readonly T[]): T => list[random.below(list.length)]!;

function deletedUpTo({ log, highWatermark }: Partition, { upTo, hundredths }: DeletedRecords): Offset {
  const { startOffset, endOffset } = log;
  if (upTo === 'high-watermark') return -1;
  if (upTo === 'end') return endOffset;
  return startOffset + Math.floor(((highWatermark - startOffset) * hundredths) / 100);
}

export class Workload implements Operator {
  readonly producers: Producer[] = [];
  readonly consumers: Consumer[] = [];
  readonly groups: GroupWorkload;
  readonly clientHosts: string[] = [];
  /** In a quiet phase the clients do less. */
  isQuiet = false;
  private readonly surroundings: Surroundings;
  private readonly random: Prng;
  private readonly admin: Admin;
  private readonly prober: Prober | undefined;
  private readonly topics = new Map<string, KnownTopic>();
  private readonly topicIds: TopicIds;
  /**
   * The topics that were deleted so that another topic gets the name, and the topics whose deletion for this
   * purpose is under way.
   */
  private readonly deletedIds = new Set<Uuid>();
  /** The names of the topics in `deletedIds`, and of the topics whose deletion was refused. */
  private readonly reusedNames = new Set<string>();
  private rereaders = 0;
  /** All consumers share it. */
  private readonly batches: BatchReader;

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings;
    const { scenario, world, codecs } = surroundings;
    this.random = world.random.fork('workload');
    this.batches = new BatchReader(codecs);
    this.topicIds = new TopicIds(world, surroundings.cluster);
    this.admin = new Admin(this.machine('a1'), 2_000);
    for (let i = 1; i <= scenario.producers; i++)
      this.producers.push(new Producer(this.machine(`p${i}`), this.drawProducer(this.random.fork(`p${i}`))));
    for (let i = 1; i <= scenario.consumers; i++)
      this.consumers.push(
        new Consumer(this.machine(`q${i}`), this.drawConsumer(this.random.fork(`q${i}`)), this.batches),
      );
    if (scenario.prober) this.prober = this.makeProber();
    this.groups = new GroupWorkload({
      random: world.random.fork('groups'),
      scenario,
      world,
      cluster: surroundings.cluster,
      machine: (name) => this.machine(name),
      bootable: (name) => this.bootable(name),
      topics: () => this.allTopics(),
      isQuiet: () => this.isQuiet,
    });
  }

  start(): void {
    this.admin.start();
    const { topics, autoTopics } = this.surroundings.scenario;
    for (const topic of topics) this.create(topic, { isExtra: false });
    for (let i = 1; i <= autoTopics; i++) this.leaveToBrokers(`auto-${i}`);
    for (const client of [...this.producers, ...this.consumers]) client.start();
    this.prober?.start();
    this.groups.start();
  }

  /**
   * Whether every topic of the scenario exists, and no topic is between its deletion and its next creation.
   */
  get isSetUp(): boolean {
    return [...this.topics.values()].every(
      ({ exists, isExtra, isBetween }) => (exists || isExtra) && !isBetween,
    );
  }

  get isIdle(): boolean {
    const isProberIdle = this.prober?.isIdle !== false;
    const areProducersIdle = this.producers.every((producer) => producer.isIdle);
    return isProberIdle && this.admin.isIdle && areProducersIdle && this.groups.isIdle;
  }

  stopProducing(): void {
    for (const producer of this.producers) producer.stop();
    this.prober?.stop();
    this.groups.stop();
  }

  /** Starts a new consumer that reads every partition of `allTopics` from the beginning. */
  rereader(): Consumer {
    const name = `r${++this.rereaders}`;
    const options = this.drawConsumer(this.random.fork(name));
    const env = this.environment(name);
    const consumer = new Consumer(
      env,
      { ...options, start: 'earliest', maxWaitMs: () => 50, maxBytes: 1 << 20 },
      this.batches,
    );
    consumer.start();
    return consumer;
  }

  /**
   * Whether a client has asked to delete the topic. Without a topic id: whether a client has asked to delete
   * any topic of this name.
   */
  isDeleted({ topic, topicId }: TopicRef): boolean {
    if (this.topics.get(topic)?.deleteAsked === true) return true;
    return topicId === undefined ? this.reusedNames.has(topic) : this.deletedIds.has(topicId);
  }

  /** Whether the topic allows elections that lose acknowledged records. */
  isUnclean(topic: string): boolean {
    return Object.keys(UNCLEAN).every((name) => this.topics.get(topic)?.configs[name] === 'true');
  }

  // ------------------------------------------------------------------ Operator

  extraTopics(): string[] {
    return this.reusableTopics().filter((name) => this.topics.get(name)!.isExtra);
  }

  allTopics(): string[] {
    const there = [...this.topics.values()].filter(({ exists, deleteAsked }) => exists && !deleteAsked);
    return there.map(({ name }) => name);
  }

  keyedTopics(): string[] {
    return this.allTopics().filter(isKeyed);
  }

  reusableTopics(): string[] {
    return this.allTopics().filter((name) => {
      const { isBetween, isAuto } = this.topics.get(name)!;
      return !isBetween && !isAuto;
    });
  }

  createTopic({ partitions, replicationFactor, unclean }: ExtraTopic): string {
    const name = `extra-${this.topics.size}`;
    const configs = {
      ...(this.surroundings.scenario.everythingIsSynced ? { 'flush.messages': '1' } : {}),
      ...(unclean ? UNCLEAN : {}),
    };
    this.create({ name, partitions, replicationFactor, configs }, { isExtra: true });
    return name;
  }

  deleteTopic(name: string): void {
    this.topics.get(name)!.deleteAsked = true;
    this.admin.deleteTopic(name);
  }

  recreateTopic(name: string, partitions: number, done: () => void): void {
    const topic = this.topics.get(name)!;
    topic.isBetween = true;
    this.reusedNames.add(name);
    const id = this.topicIds.all(name).at(-1)!;
    this.deletedIds.add(id);
    const over = () => {
      topic.isBetween = false;
      done();
    };
    // The request names the topic by its id, because a late copy of the request must not delete the next
    // topic of this name.
    this.deletePersistently(name, id, (isDeleted) => {
      if (!isDeleted) {
        this.deletedIds.delete(id);
        over();
        return;
      }
      const { replicationFactor, configs } = topic;
      topic.asked = partitions === 0 ? topic.partitions : partitions;
      this.createPersistently({ name, partitions: topic.asked, replicationFactor, configs }, over);
    });
  }

  growTopic(name: string): void {
    const topic = this.topics.get(name)!;
    this.admin.growTopic(name, ++topic.asked);
  }

  deleteRecords(name: string, choice: number, records: DeletedRecords): string | undefined {
    const { cluster } = this.surroundings;
    const image = cluster.image().topic(name);
    const partition = choice % Math.max(1, image?.partitions.length ?? 0);
    const leader = cluster.node(image?.partitions[partition]?.leader ?? -1);
    const replica = leader === undefined ? undefined : cluster.replica(leader, image!.id, partition);
    if (replica === undefined) return undefined;
    const offset = deletedUpTo(replica, records);
    this.admin.deleteRecords({ topic: name, partition, offset });
    return `${name}-${partition} below ${offset < 0 ? 'its high watermark' : offset}`;
  }

  alterConfig(resource: AlteredResource, name: string, value: string | undefined): void {
    this.admin.alterConfig(resource, name, value);
  }

  // ------------------------------------------------------------------

  /**
   * Asks the cluster to create a topic. For a topic of the scenario, repeats the request until the topic
   * exists: the first requests may fail, because brokers may not have registered yet.
   */
  private create(plan: TopicPlan, { isExtra }: { isExtra: boolean }): void {
    const state = { exists: false, asked: plan.partitions, deleteAsked: false, isBetween: false };
    const topic = { ...plan, ...state, isExtra, isAuto: false };
    this.topics.set(plan.name, topic);
    const ask = () =>
      this.admin.createTopic(plan, (outcome) => {
        topic.exists = outcome === 'ok';
        if (!topic.exists && !isExtra) this.surroundings.world.after(AGAIN_US, ask);
      });
    ask();
  }

  /** A broker creates the topic when the first client asks for it. */
  private leaveToBrokers(name: string): void {
    const { brokers, settings } = this.surroundings.scenario.cluster;
    const partitions = Number(settings['num.partitions'] ?? 1);
    const plan = { name, partitions, replicationFactor: Math.min(3, brokers), configs: {} };
    const state = { exists: true, asked: partitions, deleteAsked: false, isBetween: false };
    this.topics.set(name, { ...plan, ...state, isExtra: false, isAuto: true });
  }

  /**
   * Repeats the request until the topic is deleted. Calls `done` with false if the controllers refuse to
   * delete topics (delete.topic.enable=false).
   */
  private deletePersistently(name: string, id: Uuid, done: (isDeleted: boolean) => void): void {
    this.admin.deleteTopicWithId(name, id, (outcome, error) => {
      if (outcome === 'ok' || error === 'UNKNOWN_TOPIC_ID') done(true);
      else if (outcome === 'fail' && error === 'TOPIC_DELETION_DISABLED') done(false);
      else this.surroundings.world.after(AGAIN_US, () => this.deletePersistently(name, id, done));
    });
  }

  /**
   * Repeats the request until the topic exists. TOPIC_ALREADY_EXISTS counts as success, because a late copy
   * of an earlier request may have created the topic.
   */
  private createPersistently(plan: TopicPlan, created: () => void): void {
    this.admin.createTopic(plan, (outcome, error) => {
      if (outcome === 'ok' || error === 'TOPIC_ALREADY_EXISTS') created();
      else this.surroundings.world.after(AGAIN_US, () => this.createPersistently(plan, created));
    });
  }

  /** A client on a machine that faults may strike. */
  private machine(name: string): ClientEnv {
    return this.bootable(name)();
  }

  /** A machine that faults may strike. Each call of the returned function starts a process there. */
  private bootable(name: string): () => ClientEnv {
    this.clientHosts.push(name);
    const host = this.host(name);
    return () => this.processOn(host);
  }

  private environment(name: string): ClientEnv {
    return this.processOn(this.host(name));
  }

  private host(name: string): Host {
    const { world, network } = this.surroundings;
    const host = new Host(world, name);
    network.add(host);
    return host;
  }

  private processOn(host: Host): ClientEnv {
    const { world, network, cluster, history, codecs, scenario } = this.surroundings;
    const { name } = host;
    const createsTopics = scenario.autoTopics > 0;
    const life = host.boot();
    const { bootstrap } = cluster;
    const random = life.random.fork('client');
    const topicIdOf: ClientEnv['topicIdOf'] = (topic, sinceUs) => this.topicIds.named(topic, sinceUs);
    const topicIdOfOffsets: ClientEnv['topicIdOfOffsets'] = (topic, sinceUs) =>
      this.topicIds.ofOffsets(topic, sinceUs);
    const net = network.netOf(life);
    return {
      name,
      world,
      life,
      net,
      random,
      bootstrap,
      history,
      codecs,
      createsTopics,
      topicIdOf,
      topicIdOfOffsets,
    };
  }

  private makeProber(): Prober {
    const { scenario, isBeyond } = this.surroundings;
    return new Prober(this.machine('x1'), {
      topic: PROBER_TOPIC,
      replicationFactor: Math.min(3, scenario.cluster.brokers),
      // Segments have the smallest allowed size, so that a batch can be too large for a segment.
      configs: {
        'segment.bytes': '1048576',
        // Probes write records with very old timestamps, and then look them up.
        'retention.ms': '-1',
        ...(scenario.everythingIsSynced ? { 'flush.messages': '1' } : {}),
      },
      paceMs: scenario.proberPaceMs,
      requestTimeoutMs: 2_000,
      isHarmed: () => isBeyond({ topic: PROBER_TOPIC, topicId: undefined }),
    });
  }

  private drawProducer(random: Prng): ProducerOptions {
    const acks = one(random, [-1, -1, -1, -1, 1, 0] as const);
    return {
      topics: () => this.allTopics(),
      acks,
      idempotent: acks === -1 && random.below(4) > 0,
      maxInFlight: one(random, [1, 2, 5, 5]),
      recordsMax: one(random, [1, 3, 10]),
      paceMs: () => (this.isQuiet ? QUIET_PACE_MS : this.surroundings.scenario.paceMs),
      requestTimeoutMs: one(random, [700, 2_000, 5_000]),
      deliveryTimeoutMs: one(random, [3_000, 10_000, 30_000]),
      compression: one(random, [
        Compression.NONE,
        Compression.NONE,
        Compression.NONE,
        Compression.LZ4,
        Compression.SNAPPY,
      ]),
      version: one(random, [7, 8, 9, 10, 11, 12, 13]),
      bumpsEpoch: random.below(2) === 0,
      paddingBytes: one(random, [0, 0, 20, 600]),
      isKeyed,
    };
  }

  private drawConsumer(random: Prng): ConsumerOptions {
    const maxWaitMs = WAIT_MS_MIN + random.below(WAIT_MS_MAX - WAIT_MS_MIN + 1);
    return {
      topics: () => this.allTopics(),
      start: one(random, ['earliest', 'earliest', 'latest'] as const),
      version: one(random, [4, 6, 8, 11, 12, 13, 15, 16, 17, 18]),
      usesSessions: random.below(3) > 0,
      sendsEpochs: random.below(2) === 0,
      validatesPositions: random.below(2) === 0,
      maxWaitMs: () => (this.isQuiet ? WAIT_MS_MAX : maxWaitMs),
      maxBytes: one(random, [1, 500, 1 << 20]),
      requestTimeoutMs: one(random, [1_000, 3_000]),
    };
  }
}
