/**
 * One run of a plan: a cluster comes up, clients work, and incidents strike. A peace follows each incident:
 * no fault strikes, and everything must work again within stated times. Only the plan decides what happens.
 */
import { History, type TopicRef, Violation } from '@millrace/checkers';
import type { CompressionCodecs } from '@millrace/protocol';
import { attachCheckers } from '../checkers/index.ts';
import { SimCluster } from '../cluster/index.ts';
import { Atlas, TouchedMachines } from '../faults/index.ts';
import { Network } from '../net/index.ts';
import { type Incident, type Plan, type Scenario, scenarioOf } from '../plan/index.ts';
import { MILLISECOND, type Micros, SECOND, type Story, World } from '../world/index.ts';
import type { PartitionEnd } from './group-workload.ts';
import { type StruckFault, schedule } from './incident.ts';
import { lookAfter, makePeace, notHandedOver, unrest, unrestAtRest } from './peace.ts';
import { Supervisor } from './supervisor.ts';
import { waitingLines } from './waiting.ts';
import { Workload } from './workload.ts';

/**
 * The promises of liveness, in virtual time. In peace the cluster must meet the conditions below one after
 * the other. Each limit counts from the moment at which the cluster meets the condition before it.
 */
export const LIVENESS = {
  /** From the start until every topic exists and is in sync. */
  startUs: 20 * SECOND,
  /**
   * From the end of the faults, before any disk is replaced, until brokers with working disks lead the
   * partitions.
   */
  handOverUs: 15 * SECOND,
  /** Until everything is in sync. */
  calmUs: 40 * SECOND,
  /**
   * Until every producer that asks for acknowledgements has got one, every consumer has read a record, and
   * every committer has committed and fetched offsets, all since everything was in sync.
   *
   * After the groups have settled (`settledUs`), the same limit counts once more: until the owner of each
   * partition has read the partition up to the high watermark that the partition had when the groups settled,
   * and has committed that offset.
   */
  progressUs: 10 * SECOND,
  /** Until each group is stable, and each partition that it reads has exactly one owner that is alive. */
  settledUs: 20 * SECOND,
  /**
   * Until each batch that a producer created before everything was in sync has ended: the producer has the
   * answer, or has given the batch up. (The longest delivery timeout of a producer is 30 s.)
   *
   * At the end of the run: from the moment at which the producers stop, until no client waits for an answer
   * and every replica has every record.
   */
  idleUs: 35 * SECOND,
  /** Until a new consumer has read everything from the beginning. */
  rereadUs: 20 * SECOND,
} as const;

/** The checkers of time limits. When one of them fails, the report says what each node waits for. */
const LIMITS: ReadonlySet<string> = new Set([
  'liveness',
  'group-unsettled',
  'group-behind',
  'leader-unavailable',
  'writes-unavailable',
]);
/** The shortest run. */
const RUN_US_MIN = 20 * SECOND;
/**
 * If a quiet phase is longer than this, the clients do less in it. In the last part of the phase, which has
 * this length, they work as usual again.
 */
const QUIET_US = 5 * SECOND;
const LOOK_US = 100 * MILLISECOND;

export interface RunOptions {
  readonly plan: Plan;
  readonly codecs: CompressionCodecs;
}

export interface RunReport {
  /** 16 hexadecimal digits: equal for every run of the plan. */
  readonly hash: string;
  readonly verdict: 'passed' | 'violated';
  /** The checker of the violation, and its sentence; undefined when the run passed. */
  readonly checker: string | undefined;
  readonly sentence: string | undefined;
  /** The error that a process threw, if that is the violation. Its stack shows the place. */
  readonly thrown: unknown;
  /** If a time limit has passed: the state of the nodes and partitions that wait. Else empty. */
  readonly waiting: readonly string[];
  readonly virtualUs: Micros;
  readonly events: number;
  /** Counts of events: `fault crash`, `log isr-changed`, `error NOT_LEADER_OR_FOLLOWER`, … */
  readonly counts: ReadonlyMap<string, number>;
  readonly scenario: Scenario;
  readonly plan: Plan;
  /** The planned faults that found a victim. */
  readonly struck: readonly StruckFault[];
  readonly story: Story;
  readonly history: History;
}

export function simulate(options: RunOptions): RunReport {
  const { plan } = options;
  const world = new World(plan.seed);
  const scenario = scenarioOf(plan);
  const history = new History();
  const run = new Run(options, world, scenario, history);
  let violation: Violation | undefined;
  try {
    run.live();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error;
    world.tell('world', 'violated', { checker: violation.checker, sentence: violation.sentence });
  }
  return {
    hash: world.hash.text,
    verdict: violation === undefined ? 'passed' : 'violated',
    checker: violation?.checker,
    sentence: violation?.sentence,
    thrown: violation?.cause,
    waiting: violation !== undefined && LIMITS.has(violation.checker) ? waitingLines(run.cluster) : [],
    virtualUs: world.nowUs,
    events: world.events,
    counts: world.counts,
    scenario,
    plan,
    struck: run.struck,
    story: world.story,
    history,
  };
}

class Run {
  readonly struck: StruckFault[] = [];
  private readonly options: RunOptions;
  private readonly world: World;
  private readonly history: History;
  private readonly scenario: Scenario;
  private readonly network: Network;
  readonly cluster: SimCluster;
  private readonly atlas: Atlas;
  private readonly touched: TouchedMachines;
  private readonly supervisor: Supervisor;
  private readonly workload: Workload;
  private readonly finishChecks: () => void;

  constructor(options: RunOptions, world: World, scenario: Scenario, history: History) {
    const { codecs } = options;
    this.options = options;
    this.world = world;
    this.history = history;
    this.scenario = scenario;
    this.network = new Network(world, scenario.network);
    this.cluster = new SimCluster(world, this.network, codecs, scenario.cluster);
    this.atlas = new Atlas(this.cluster, scenario.everythingIsSynced);
    this.touched = new TouchedMachines(world);
    this.supervisor = new Supervisor(world, this.cluster);
    const { network, cluster } = this;
    const isBeyond = (topic: TopicRef) => this.atlas.isBeyond(topic);
    this.workload = new Workload({ world, network, cluster, history, codecs, scenario, isBeyond });
    world.watchers.push(() => this.atlas.watch());
    this.finishChecks = attachCheckers({
      world,
      cluster,
      atlas: this.atlas,
      touched: this.touched,
      history,
      isExempt: (topic) =>
        this.workload.isDeleted(topic) || this.workload.isUnclean(topic.topic) || this.atlas.isBeyond(topic),
    });
  }

  live(): void {
    this.setClocksWrong();
    for (const node of this.cluster.nodes) node.start();
    this.workload.start();
    const { incidents } = this.options.plan;
    if (!this.scenario.faultsFromTheStart || incidents.length === 0) this.comeUp();
    for (const incident of incidents) {
      this.rest(incident.quietMs * MILLISECOND);
      this.suffer(incident);
      this.recover();
      this.goOn();
    }
    this.end();
  }

  private setClocksWrong(): void {
    const random = this.world.random.fork('clocks');
    const { clockSkewMs, clockDriftPpm } = this.scenario;
    for (const { host } of this.cluster.nodes) {
      host.wallOffsetMs += random.below(2 * clockSkewMs + 1) - clockSkewMs;
      host.driftPpm = random.below(2 * clockDriftPpm + 1) - clockDriftPpm;
    }
  }

  private comeUp(): void {
    this.mustBecome(LIVENESS.startUs, 'the cluster does not come up', () =>
      this.workload.isSetUp ? unrest(this.cluster) : 'a topic is missing',
    );
  }

  private rest(quietUs: Micros): void {
    const { world, workload } = this;
    const endUs = world.nowUs + quietUs;
    if (quietUs > QUIET_US) {
      workload.isQuiet = true;
      world.runUntil(endUs - QUIET_US);
      workload.isQuiet = false;
    }
    world.runUntil(endUs);
  }

  private suffer(incident: Incident): void {
    const { world, network, cluster, atlas, workload } = this;
    const untilUs = world.nowUs + incident.lastsMs * MILLISECOND;
    const { clientHosts } = workload;
    this.supervisor.hurries = false;
    workload.groups.suffer();
    for (const { host } of cluster.nodes) host.hasSlowJobs = true;
    world.tell('world', 'incident', { faults: incident.faults.length, lastsMs: incident.lastsMs });
    const context = { world, network, cluster, atlas, operator: workload, clientHosts, untilUs };
    schedule(incident, context, this.touched, (fault) => this.struck.push(fault));
    world.runUntil(untilUs);
  }

  private recover(): void {
    this.world.tell('world', 'faults-over');
    this.workload.groups.recover();
    makePeace(this.cluster, this.supervisor);
    this.mustBecome(LIVENESS.handOverUs, 'no working replica leads', () => {
      this.atlas.watch();
      makePeace(this.cluster, this.supervisor);
      return notHandedOver(this.cluster, this.atlas);
    });
    this.mustBecome(LIVENESS.calmUs, 'the cluster does not recover', () => {
      this.atlas.watch();
      lookAfter(this.cluster, this.atlas);
      makePeace(this.cluster, this.supervisor);
      return this.workload.isSetUp ? unrest(this.cluster) : 'a topic is missing';
    });
    this.world.tell('world', 'in-sync');
  }

  private goOn(): void {
    const { world, workload } = this;
    const sinceUs = world.nowUs;
    const { producers, consumers } = workload;
    const waitsForAck = producers.filter((producer) => producer.isAcknowledged);
    this.mustBecome(LIVENESS.progressUs, 'a client makes no progress', () => {
      const stuck =
        waitsForAck.find(({ lastAckUs }) => lastAckUs <= sinceUs) ??
        consumers.find(({ lastReadUs }) => lastReadUs <= sinceUs);
      if (stuck !== undefined) return `${stuck.name} has got nothing for a while`;
      return workload.groups.stuckSince(sinceUs);
    });
    this.mustBecome(
      LIVENESS.settledUs,
      'a group does not settle',
      () => workload.groups.unsettled(),
      'group-unsettled',
    );
    const ends = this.ends();
    this.mustBecome(
      LIVENESS.progressUs,
      'a group falls behind',
      () => workload.groups.behind(ends),
      'group-behind',
    );
    this.mustBecome(LIVENESS.idleUs, 'a client waits for ever', () => {
      const waiting = producers.find(({ waitsSinceUs }) => waitsSinceUs <= sinceUs);
      return waiting === undefined ? undefined : `${waiting.name} still waits for an answer`;
    });
    this.reread();
    this.history.peaceOver({ fromUs: sinceUs, toUs: world.nowUs });
  }

  private end(): void {
    const { workload, world, cluster } = this;
    world.runUntil(Math.max(world.nowUs, RUN_US_MIN));
    workload.stopProducing();
    this.mustBecome(LIVENESS.idleUs, 'a client or a replica waits for ever', () =>
      workload.isIdle ? unrestAtRest(cluster) : 'a client still waits for an answer',
    );
    this.reread();
    world.tell('world', 'finished');
    this.finishChecks();
  }

  /** A new consumer reads every partition that clients use, up to the current high watermark. */
  private reread(): void {
    const { workload } = this;
    const ends = this.ends();
    const rereader = workload.rereader();
    this.mustBecome(LIVENESS.rereadUs, 'a new consumer does not read everything', () => {
      for (const { topic, partition, topicId, end } of ends) {
        const name = `${topic}-${partition}`;
        const known = rereader.positions.get(name);
        const position = known?.topicId === topicId ? (known.offset ?? -1) : -1;
        if (position < end) return `${name} is read up to ${position} of ${end}`;
      }
      return undefined;
    });
    rereader.end();
  }

  /** The current high watermark of every partition that clients use. */
  private ends(): PartitionEnd[] {
    const { workload, cluster } = this;
    const topics = workload.allTopics();
    return cluster
      .partitions()
      .filter(({ topic }) => topics.includes(topic))
      .map(({ topic, topicId, partition, image }) => {
        const leader = cluster.node(image.leader);
        const replica = leader === undefined ? undefined : cluster.replica(leader, topicId, partition);
        return { topic, topicId, partition, end: replica?.highWatermark ?? 0 };
      });
  }

  /** Calls `missing` again and again until it returns undefined. Fails the run when the time is up. */
  private mustBecome(
    withinUs: Micros,
    complaint: string,
    missing: () => string | undefined,
    checker = 'liveness',
  ): void {
    const { world } = this;
    const untilUs = world.nowUs + withinUs;
    for (;;) {
      const what = missing();
      if (what === undefined) return;
      if (world.nowUs >= untilUs) world.fail(checker, `${complaint}: ${what} after ${withinUs / SECOND} s`);
      world.runUntil(world.nowUs + LOOK_US);
    }
  }
}
