/**
 * Kills one node with kill -9 at random moments, again and again, while the node appends records, compacts
 * logs and removes expired segments. After each restart, the trial reads every log back, and the judge
 * (judge.ts) looks for violations.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { aliveBrokers, createTopic, partitionsOf } from '../../lib/wire.ts';
import { type LogRead, stillNeeded, violationsOf } from './judge.ts';
import { KafkajsWriter } from './kafkajs-writer.ts';
import { MillraceWriter } from './millrace-writer.ts';
import { type Leftovers, LogNode } from './node.ts';
import { readLog } from './reader.ts';
import type { Writer } from './source.ts';
import { nameOf, type TrialPartition, trialPartitions, trialTopics } from './topics.ts';

export interface TrialOptions {
  readonly folder: string;
  readonly kills: number;
  /**
   * A kill comes when the writers have got some new acknowledgements, and then a random time of up to
   * `aliveMs` has passed.
   */
  readonly aliveMs?: number;
  /** Called after each kill, when the reads that follow it have been judged. */
  readonly killed?: (kill: KillResult) => void;
}

export interface KillResult {
  readonly number: number;
  readonly leftovers: Leftovers;
  /** From the start of the process until every partition had a leader. */
  readonly startMs: number;
  /** The number of acknowledged records so far. */
  readonly acked: number;
  readonly violations: readonly string[];
}

export interface TrialResult {
  readonly kills: readonly KillResult[];
  readonly acked: number;
  /** By partition: how many acknowledged records compaction and retention had removed at the last read. */
  readonly gone: Readonly<Record<string, number>>;
  readonly events: ReadonlyMap<string, number>;
  readonly violations: readonly string[];
}

const START_LIMIT_MS = 120_000;
const WAIT_LIMIT_MS = 60_000;
const ACKS_BEFORE_KILL = 150;
/**
 * The first kill waits until the node has logged these events, which show that the cleaner and retention
 * work.
 */
const EVENTS_BEFORE_KILLS = ['log-cleaned', 'log-segment-removed'];
const ALIVE_MS = 800;
/** In this share of the restarts, the trial kills the node again, within KILLED_START_MS. */
const KILLED_STARTS = 0.15;
const KILLED_START_MS = 900;
/**
 * In half of the runs of the node, the cleaner is limited to this rate, so that many kills interrupt it in
 * the middle of a segment.
 */
const SLOW_CLEANER_BYTES = 150_000;

const nodeSettings = {
  'log.retention.check.interval.ms': '100',
  'log.initial.task.delay.ms': '50',
  'log.cleaner.backoff.ms': '50',
  'log.cleaner.threads': '2',
  // With this size, the cleaner's map has room for 49 keys. Some logs have more keys, so a cleaning covers
  // only a part of such a log.
  'log.cleaner.dedupe.buffer.size': '2600',
  'log.cleaner.io.buffer.size': '16384',
};

export async function runTrial(options: TrialOptions): Promise<TrialResult> {
  const { folder, kills, killed } = options;
  const node = await LogNode.create(folder);
  const partitions = trialPartitions();
  const writers: Writer[] = [];
  try {
    await untilServing(node, start(node));
    for (const { name, partitions: count, configs } of trialTopics)
      await createTopic(node.server, { name, partitions: count, replicas: 1, configs });
    writers.push(await MillraceWriter.start(node.server, 'm1', partitions));
    writers.push(await MillraceWriter.start(node.server, 'm2', partitions));
    writers.push(await KafkajsWriter.start(node.server, 'js', partitions));
    const trial = new Trial(node, partitions, writers, options.aliveMs ?? ALIVE_MS);
    while (trial.results.length < kills && trial.isGood) {
      await trial.killOnce();
      killed?.(trial.results.at(-1)!);
    }
    return trial.result();
  } finally {
    for (const writer of writers) writer.pause();
    await node.kill();
    await Promise.allSettled(writers.map((writer) => writer.close()));
  }
}

function start(node: LogNode): number {
  const limit =
    Math.random() < 0.5 ? { 'log.cleaner.io.max.bytes.per.second': String(SLOW_CLEANER_BYTES) } : {};
  node.start({ ...nodeSettings, ...limit });
  return performance.now();
}

class Trial {
  readonly results: KillResult[] = [];
  private readonly node: LogNode;
  private readonly partitions: readonly TrialPartition[];
  private readonly writers: readonly Writer[];
  private readonly aliveMs: number;
  private readonly reads = new Map<TrialPartition, LogRead>();

  constructor(
    node: LogNode,
    partitions: readonly TrialPartition[],
    writers: readonly Writer[],
    aliveMs: number,
  ) {
    this.node = node;
    this.partitions = partitions;
    this.writers = writers;
    this.aliveMs = aliveMs;
  }

  get isGood(): boolean {
    return this.results.every(({ violations }) => violations.length === 0);
  }

  async killOnce(): Promise<void> {
    const { node, writers } = this;
    const acked = this.acked + ACKS_BEFORE_KILL;
    for (const writer of writers) writer.resume();
    // Also waits for the cleaner and retention. Otherwise, on a slow machine every kill might come before the
    // first cleaning.
    const isBusy = () => EVENTS_BEFORE_KILLS.every((event) => node.events.has(event));
    await this.until(() => this.acked >= acked && isBusy());
    await sleep(Math.random() * this.aliveMs);
    await node.kill();
    for (const writer of writers) writer.pause();
    const leftovers = node.leftovers();
    if (Math.random() < KILLED_STARTS) {
      start(node);
      await sleep(Math.random() * KILLED_START_MS);
      await node.kill();
    }
    const startMs = await untilServing(
      node,
      start(node),
      trialTopics.map(({ name }) => name),
    );
    await this.until(() => writers.every(({ isSettled }) => isSettled));
    const violations = [...(await this.readBack()), ...this.errors()];
    this.results.push({ number: this.results.length + 1, leftovers, startMs, acked: this.acked, violations });
  }

  result(): TrialResult {
    const { results: kills, acked } = this;
    const gone = Object.fromEntries(
      this.partitions.map((one) => [nameOf(one), this.goneOf(one, this.reads.get(one))]),
    );
    const violations = kills.flatMap((kill) => kill.violations);
    return { kills, acked, gone, events: this.node.events, violations };
  }

  private get acked(): number {
    return this.writers.reduce((sum, { acked }) => sum + acked, 0);
  }

  private goneOf({ sent, compacted }: TrialPartition, read: LogRead | undefined): number {
    const start = read?.startOffset ?? 0;
    return compacted + sent.filter(({ acked }) => acked !== undefined && acked.offset < start).length;
  }

  private errors(): string[] {
    const errors = this.writers.flatMap((writer) => writer.errors);
    return [
      ...errors.map((error) => `an error reached the application: ${error}`),
      ...this.node.complaints.map((line) => `the node complained: ${line}`),
    ];
  }

  /**
   * Waits until `isMet` is true, or until a writer or the node reports an error. Throws after
   * `WAIT_LIMIT_MS`.
   */
  private async until(isMet: () => boolean): Promise<void> {
    const deadline = performance.now() + WAIT_LIMIT_MS;
    while (!isMet() && this.errors().length === 0) {
      if (performance.now() > deadline)
        throw new Error(`too few acknowledgements, cleanings or removals in ${WAIT_LIMIT_MS} ms`);
      await sleep(5);
    }
  }

  private async readBack(): Promise<string[]> {
    const violations = await Promise.all(this.partitions.map((partition) => this.readOne(partition)));
    return violations.flat();
  }

  private async readOne(partition: TrialPartition): Promise<string[]> {
    const read = await readLog(this.node.server, partition);
    const before = this.reads.get(partition);
    const reads = before === undefined ? [read] : [before, read];
    const { sent, topic } = partition;
    const violations = violationsOf({ partition: nameOf(partition), rules: topic.rules, sent, reads });
    this.reads.set(partition, read);
    partition.sent = stillNeeded(sent, read);
    partition.compacted += sent.length - partition.sent.length;
    return violations;
  }
}

/**
 * Waits until the node answers and all partitions of the topics have leaders. Returns the time since
 * `startedAt`. Throws if the node ends, or after `START_LIMIT_MS`.
 */
async function untilServing(
  node: LogNode,
  startedAt: number,
  topics: readonly string[] = [],
): Promise<number> {
  const deadline = performance.now() + START_LIMIT_MS;
  let last = '';
  while (performance.now() < deadline) {
    if (!node.isRunning) break;
    try {
      if (await isServing(node.server, topics)) return Math.round(performance.now() - startedAt);
      last = 'a partition has no leader';
    } catch (error) {
      last = (error as Error).message;
    }
    await sleep(10);
  }
  const complaints = node.complaints.join('; ');
  throw new Error(`the node did not serve within ${START_LIMIT_MS} ms: ${last}; ${complaints}`);
}

async function isServing(server: string, topics: readonly string[]): Promise<boolean> {
  for (const topic of topics)
    if ((await partitionsOf(server, topic)).some(({ leader }) => leader < 0)) return false;
  return topics.length > 0 || (await aliveBrokers(server)).size > 0;
}
