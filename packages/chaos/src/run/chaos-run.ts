/**
 * One run of a scenario: starts the clients, injects one fault after another by a seeded schedule, heals,
 * waits until the cluster has recovered, and in the end reads everything back. Everything that happens goes
 * into the history. Judging the history is not part of the run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '@millrace/base';
import { type ActiveFault, inject } from '../faults/index.ts';
import { HistoryWriter } from '../history/writer.ts';
import { type NextFault, type Scenario, Schedule, type TopicPlan } from '../scenario/index.ts';
import type { ChaosTarget } from '../target/target.ts';
import type { HistoryLine, RunFact } from '../types.ts';
import { runClock, type WorkloadClient, type WorkloadContext } from '../workload/context.ts';
import { finalRead } from '../workload/final-read.ts';
import { namedClients, startClient } from './clients.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { unhealthy } from './health.ts';

export interface RunOptions {
  readonly scenario: Scenario;
  readonly target: ChaosTarget;
  createTopic(topic: TopicPlan): Promise<void>;
  readonly random: Random;
  readonly minutes: number;
  /** A new file. */
  readonly historyFile: string;
  readonly run: Omit<RunFact, 'format' | 'startedAt' | 'clients' | 'allowances'>;
  /** Aborted when the user asks for the end. The run then heals, and reads back what it can. */
  readonly interrupt: AbortSignal;
  /** Gets each line of the history, for the view while the run lasts. */
  readonly watch?: (line: HistoryLine) => void;
  /** Gets what the run does now, in one sentence. */
  readonly say: (sentence: string) => void;
}

export interface RunResult {
  /** False: the user interrupted the run, or the cluster did not recover. */
  readonly isComplete: boolean;
  /** How many faults the run injected. */
  readonly faults: number;
  /** Why the run ended early; undefined: it did not. */
  readonly problem: string | undefined;
}

/** A cluster that has not recovered within this time after a fault is broken, and the run ends. */
const RECOVERY_LIMIT_MS = 120_000;
const LOOK_MS = 100;
const STOP_CLIENTS_MS = 130_000;
const FINAL_READ_MS = 120_000;

export async function runScenario(options: RunOptions): Promise<RunResult> {
  const run = new ChaosRun(options);
  return await run.run();
}

class ChaosRun {
  private readonly o: RunOptions;
  private readonly nowUs = runClock();
  private readonly history: HistoryWriter;
  private readonly watch: ClusterWatch;
  private readonly clients: WorkloadClient[] = [];
  private faults = 0;

  constructor(options: RunOptions) {
    this.o = options;
    this.history = new HistoryWriter(options.historyFile);
    const { target, scenario } = options;
    this.watch = new ClusterWatch({
      bootstrapServers: target.bootstrapServers,
      topics: () => scenario.topics.map(({ name }) => name),
      nodes: () => target.nodes.map(({ id }) => ({ id, state: target.stateOf(id) })),
      nowUs: this.nowUs,
      add: (line) => this.add(line),
    });
  }

  async run(): Promise<RunResult> {
    const { scenario, run, interrupt } = this.o;
    const clients = namedClients(scenario);
    this.add({
      line: 'run',
      format: 1,
      startedAt: new Date().toISOString(),
      ...run,
      clients: clients.map(({ plan: _, ...fact }) => fact),
      allowances: allowancesOf(scenario),
    });
    let problem: string | undefined;
    try {
      await this.begin(clients);
      problem = await this.breakAndHeal();
    } catch (error) {
      if (!interrupt.aborted) problem = (error as Error).message;
    }
    problem = await this.end(problem);
    const isComplete = problem === undefined && !interrupt.aborted;
    const note = problem ?? (interrupt.aborted ? 'interrupted' : '');
    this.add({ line: 'end', atUs: this.nowUs(), isComplete, note });
    await this.history.close();
    return { isComplete, faults: this.faults, problem };
  }

  private add(line: HistoryLine): void {
    this.history.add(line);
    this.o.watch?.(line);
  }

  private async begin(clients: ReturnType<typeof namedClients>): Promise<void> {
    const { scenario, target, interrupt, say } = this.o;
    for (const topic of scenario.topics) await this.o.createTopic(topic);
    const context: WorkloadContext = {
      bootstrapServers: target.bootstrapServers,
      nowUs: this.nowUs,
      sink: (line) => this.add(line),
      isFull: () => this.history.isFull,
    };
    this.watch.start();
    const problem = await this.untilHealthy();
    if (problem !== undefined) throw new Error(problem);
    for (const client of clients) {
      const { partitions } = scenario.topics.find(({ name }) => name === client.topic)!;
      this.clients.push(await startClient(client, context, partitions));
    }
    say(`${clients.length} clients run; the first fault comes after ${scenario.warmupMs / 1000} s`);
    await sleep(scenario.warmupMs, undefined, { signal: interrupt });
  }

  /** Injects faults until the time is over. Returns why the run cannot continue, if it cannot. */
  private async breakAndHeal(): Promise<string | undefined> {
    const { scenario, random, minutes, interrupt } = this.o;
    const endMs = performance.now() + minutes * 60_000;
    const schedule = new Schedule(scenario, random);
    while (performance.now() < endMs) {
      const next = schedule.next();
      if (!(await this.oneFault(next))) schedule.postpone(next);
      const problem = await this.untilHealthy(interrupt);
      if (problem !== undefined) return problem;
      await sleep(schedule.pauseMs(), undefined, { signal: interrupt });
    }
    return undefined;
  }

  /** Returns false if no node has the role of the victim now. */
  private async oneFault({ plan, lastsMs }: NextFault): Promise<boolean> {
    const { target, random, interrupt, say, scenario } = this.o;
    const { topics } = scenario;
    const groups = [
      ...new Set(scenario.clients.flatMap(({ role, group }) => (role === 'group-member' ? [group] : []))),
    ];
    const fromUs = this.nowUs();
    const fault = await inject(plan, { target, cluster: this.watch, random, topics, groups });
    if (fault === undefined) return false;
    const id = ++this.faults;
    const { sentence, nodes } = fault;
    this.add({ line: 'fault-begins', id, kind: `${plan.fault}-${plan.victim}`, sentence, nodes, fromUs });
    say(sentence);
    try {
      await sleep(lastsMs, undefined, { signal: interrupt });
    } finally {
      await this.heal(fault, id);
    }
    return true;
  }

  private async heal(fault: ActiveFault, id: number): Promise<void> {
    await fault.heal();
    this.add({ line: 'fault-ends', id, toUs: this.nowUs() });
  }

  /** Waits until the cluster has recovered. Returns why it has not, when the limit is over. */
  private async untilHealthy(interrupt?: AbortSignal): Promise<string | undefined> {
    const { scenario } = this.o;
    const factors = new Map(scenario.topics.map(({ name, replicationFactor }) => [name, replicationFactor]));
    const endMs = performance.now() + RECOVERY_LIMIT_MS;
    for (;;) {
      const why = unhealthy(await this.watch.look(), { factors });
      if (why === undefined) return undefined;
      if (performance.now() > endMs)
        return `the cluster has not recovered within ${RECOVERY_LIMIT_MS / 1000} s: ${why}`;
      await sleep(LOOK_MS, undefined, { signal: interrupt });
    }
  }

  /** Heals everything, ends the clients, and reads every topic back. Returns what went wrong, if anything. */
  private async end(problem: string | undefined): Promise<string | undefined> {
    const { target, scenario, say } = this.o;
    let found = problem;
    /** Runs a step, which may return what went wrong. A step that fails must not prevent the next one. */
    const step = async (work: () => Promise<unknown>): Promise<void> => {
      try {
        const failure = await work();
        if (typeof failure === 'string') found ??= failure;
      } catch (error) {
        found ??= (error as Error).message;
      }
    };
    const ids = target.nodes.map(({ id }) => id);
    target.links?.heal();
    await step(() => target.resume(ids.filter((id) => target.stateOf(id) === 'paused')));
    await step(() => target.start(ids.filter((id) => target.stateOf(id) === 'stopped')));
    say('waits for the last acknowledgements');
    await step(() => this.untilHealthy());
    await Promise.all(this.clients.map((client) => client.stop(STOP_CLIENTS_MS)));
    say('reads every record back');
    const context = { bootstrapServers: target.bootstrapServers, nowUs: this.nowUs };
    const topics = scenario.topics.map(({ name }) => name);
    const sink = (line: HistoryLine) => this.add(line);
    await step(() => finalRead({ ...context, sink }, { topics, timeoutMs: FINAL_READ_MS }));
    await this.watch.stop();
    return found;
  }
}

/** What a loss of acknowledged records looks like to the checkers. */
const SIGNS_OF_LOSS = [
  'lost-write',
  'unseen',
  'wrong-offset',
  'inconsistent-offsets',
  'nonmonotonic-poll',
  'position-lost',
  'poll-skip',
  'aborted-read',
  'commit-unread',
];

/** What the settings of the clients allow: acks=0 and acks=1 may lose records when a broker dies. */
function allowancesOf({ clients }: Scenario): RunFact['allowances'] {
  const weak = clients.filter(({ role, acks }) => role === 'writer' && acks !== -1);
  return weak.flatMap(({ topic, acks }) =>
    SIGNS_OF_LOSS.map((checker) => ({
      topic,
      checker,
      why: `acks=${acks} may lose records when a broker dies`,
    })),
  );
}
