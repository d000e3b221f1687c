/**
 * One trial: two writers write, and the trial kills nodes with kill -9. Acknowledgements must continue, and
 * the killed nodes must come back and get in sync. At the end a consumer reads every record back, and the
 * checkers (recorded.ts) judge the history.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../lib/cluster.ts';
import { activeController, createTopic, deleteTopic, partitionsOf, votersBehind } from '../lib/wire.ts';
import { violationsOf } from './recorded.ts';
import { RunningWriter, readBack, type Target, untilSteady, type WriterKind } from './writers.ts';

export type Victim = 'leader' | 'controller' | 'all';

export interface TrialOptions {
  readonly cluster: Cluster;
  readonly victim: Victim;
  /** Time between two records of a writer; 0: as fast as possible. */
  readonly paceMs: number;
  readonly topic: string;
  /** The folder for the writers' files. */
  readonly folder: string;
}

export interface TrialResult {
  readonly killed: readonly number[];
  /**
   * For each writer, the longest gap between acks from the kill until the restart. If the trial kills all
   * nodes: from the kill until acks come steadily again.
   */
  readonly gapMs: Readonly<Record<string, number>>;
  /** Longest gap of any writer from the restart until acks come steadily again. */
  readonly rejoinGapMs: number;
  /** From the restart until every replica is in the ISR and every voter has all committed metadata. */
  readonly backMs: number;
  readonly acked: number;
  readonly violations: readonly string[];
}

const RECOVERY_LIMIT_MS = 60_000;
const BACK_LIMIT_MS = 90_000;
/**
 * A killed leader or controller stays down for at least this time, so that the trial measures the cluster
 * without the killed node.
 */
const DEAD_MS = 2500;
const ALL_DEAD_MS = 500;
const writerKinds: readonly WriterKind[] = ['librdkafka', 'java'];

export async function runTrial(options: TrialOptions): Promise<TrialResult> {
  const { cluster, paceMs, topic, folder } = options;
  // A paced writer has one partition, so that its acks come at its pace. A fast writer has three partitions,
  // so that every broker leads one.
  const target: Target = {
    bootstrapServers: cluster.bootstrapServers,
    topic,
    partitions: paceMs > 0 ? 1 : 3,
  };
  const configs = { 'min.insync.replicas': '2' };
  await createTopic(target.bootstrapServers, {
    name: topic,
    partitions: target.partitions,
    replicas: 3,
    configs,
  });
  const writers: RunningWriter[] = [];
  try {
    for (const kind of writerKinds) writers.push(await RunningWriter.start(kind, target, paceMs, folder));
    await untilSteady(writers, RECOVERY_LIMIT_MS, 'before the kill');
    const kill = await killVictim(options, target, writers);
    const written = await Promise.all(writers.map((writer) => writer.finish()));
    const names = written.map(({ name }) => name);
    const read = await readBack(target, names, folder);
    const violations = [
      ...writers.flatMap(({ errors }) => errors.map((error) => `an error reached the application: ${error}`)),
      ...violationsOf({ topic, partitions: target.partitions, written, read }),
    ];
    const acked = writers.reduce((sum, writer) => sum + writer.acked, 0);
    await deleteTopic(target.bootstrapServers, topic);
    return { ...kill, acked, violations };
  } catch (error) {
    for (const writer of writers) writer.kill();
    throw error;
  }
}

async function killVictim(
  { cluster, victim }: TrialOptions,
  target: Target,
  writers: readonly RunningWriter[],
): Promise<Omit<TrialResult, 'acked' | 'violations'>> {
  const killed = await victimsOf(cluster, victim, target);
  const killedAt = Date.now();
  await cluster.kill(...killed);
  if (victim === 'all') {
    await sleep(ALL_DEAD_MS);
  } else {
    await sleep(DEAD_MS);
    await untilSteady(writers, RECOVERY_LIMIT_MS, `after node ${killed} was killed`);
  }
  const restartedAt = Date.now();
  await cluster.startAll();
  await untilBack(cluster, target);
  const backMs = Date.now() - restartedAt;
  await untilSteady(writers, RECOVERY_LIMIT_MS, 'after the restart');
  const until = victim === 'all' ? Date.now() : restartedAt;
  const gapMs = Object.fromEntries(
    writers.map((writer) => [writer.name, writer.longestGapMs(killedAt, until)]),
  );
  const rejoinGapMs = Math.max(...writers.map((writer) => writer.longestGapMs(restartedAt)));
  return { killed, gapMs, rejoinGapMs, backMs };
}

async function victimsOf(cluster: Cluster, victim: Victim, target: Target): Promise<number[]> {
  if (victim === 'all') return (await cluster.nodes()).map(({ id }) => id);
  if (victim === 'leader')
    return [(await partitionsOf(target.bootstrapServers, target.topic))[0]?.leader ?? -1];
  const active = await activeController(target.bootstrapServers);
  if (active === undefined) throw new Error('there is no active controller');
  return [active];
}

/** Waits until every replica of the topic is in its ISR and every voter has all committed metadata. */
async function untilBack({ bootstrapServers }: Cluster, { topic }: Target): Promise<void> {
  const deadline = performance.now() + BACK_LIMIT_MS;
  let state = '';
  while (performance.now() < deadline) {
    try {
      const partitions = await partitionsOf(bootstrapServers, topic);
      const outside = partitions.filter(({ replicas, isr }) => isr.length < replicas.length);
      const behind = await votersBehind(bootstrapServers);
      if (outside.length === 0 && behind.length === 0) return;
      state = `${outside.length} partitions with a replica outside the ISR, voters behind: ${behind.join() || 'none'}`;
    } catch (error) {
      state = (error as Error).message;
    }
    await sleep(50);
  }
  throw new Error(`not back within ${BACK_LIMIT_MS} ms: ${state}`);
}
