/**
 * Runs trials one after the other against one cluster. Prints a line for each trial, and a table at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startPeerKafka } from '../bench/peer-kafka.ts';
import { type Cluster, startMillrace } from '../lib/cluster.ts';
import { cacheFolder } from '../lib/paths.ts';
import { median, table } from '../lib/table.ts';
import { neededTool } from '../lib/tools.ts';
import { runTrial, type TrialResult, type Victim } from './trial.ts';

const PACE_MS = 10;

export type Pace = 'paced' | 'fast';

export interface Kind {
  readonly victim: Victim;
  readonly pace: Pace;
}

interface Row extends Kind {
  readonly result: TrialResult;
}

export interface SoakOptions {
  readonly kinds: readonly Kind[];
  /** Number of trials of each kind. */
  readonly trials: number;
  /** Whether the trials run against Apache Kafka instead of Millrace. */
  readonly peer: boolean;
  /** Settings of Millrace's nodes. */
  readonly settings?: Record<string, string>;
}

/** The value, if it is an allowed one. Throws otherwise. */
export function oneOf<T extends string>(value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new Error(`'${value}' is not one of ${allowed.join(', ')}`);
  return found;
}

export function pacesOf(pace: string): Pace[] {
  const chosen = oneOf(pace, ['paced', 'fast', 'both']);
  return chosen === 'both' ? ['paced', 'fast'] : [chosen];
}

/**
 * Runs the trials. Returns whether every trial passed. If a run fails, keeps its files and prints their
 * folders.
 */
export async function soak({ kinds, trials, peer, settings = {} }: SoakOptions): Promise<boolean> {
  await neededTool('confluent-kafka');
  await neededTool('java');
  const folder = mkdtempSync(join(cacheFolder('work'), 'soak-'));
  const cluster = peer ? await startPeerKafka('three-and-three') : await startMillrace({ settings });
  process.stdout.write(
    `${cluster.name}: six processes ready after ${cluster.readyMs} ms, ${trials} trials a kind\n`,
  );
  const rows: Row[] = [];
  let isGood = false;
  try {
    await runAll(cluster, kinds, trials, folder, rows);
    isGood = rows.every(({ result }) => result.violations.length === 0);
  } catch (error) {
    process.stdout.write(`VIOLATED: ${(error as Error).message}\n`);
  } finally {
    await cluster.stop(!isGood);
  }
  process.stdout.write(`\n${summary(rows)}\n`);
  if (isGood) rmSync(folder, { recursive: true, force: true });
  else process.stdout.write(`kept: ${folder}, ${cacheFolder('clusters')}\n`);
  return isGood;
}

async function runAll(
  cluster: Cluster,
  kinds: readonly Kind[],
  trials: number,
  folder: string,
  rows: Row[],
): Promise<void> {
  for (const kind of kinds) {
    for (let i = 1; i <= trials; i++) {
      const topic = `soak-${kind.victim}-${kind.pace}-${i}`;
      const paceMs = kind.pace === 'paced' ? PACE_MS : 0;
      const result = await runTrial({ cluster, victim: kind.victim, paceMs, topic, folder });
      rows.push({ ...kind, result });
      process.stdout.write(`${describe(kind, i, result)}\n`);
    }
  }
}

function describe({ victim, pace }: Kind, trial: number, result: TrialResult): string {
  const gaps = Object.entries(result.gapMs).map(([name, gapMs]) => `${name} ${gapMs}`);
  const who = victim === 'all' ? 'all' : `node ${result.killed.join()}`;
  const after = `${result.backMs} ms to be back, then gap ${result.rejoinGapMs} ms, ${result.acked} acks`;
  const verdict = result.violations.length === 0 ? 'ok' : `VIOLATED: ${result.violations.join('; ')}`;
  return `${victim} ${pace} ${trial}: ${who} killed, longest gap ms: ${gaps.join(', ')}; ${after}; ${verdict}`;
}

function summary(rows: readonly Row[]): string {
  const groups = Map.groupBy(rows, ({ victim, pace }) => `${victim} killed, ${pace}`);
  const lines = [...groups].flatMap(([name, group]) =>
    Object.keys(group[0]?.result.gapMs ?? {}).map((writer) => {
      const gaps = group.map(({ result }) => result.gapMs[writer] ?? 0);
      const back = group.map(({ result }) => result.backMs);
      const numbers = [median(gaps), Math.max(...gaps), median(back), Math.max(...back)];
      return [name, writer, String(group.length), ...numbers.map((ms) => ms.toFixed(0))];
    }),
  );
  return table(
    ['', 'writer', 'trials', 'gap median ms', 'gap max ms', 'back median ms', 'back max ms'],
    lines,
  );
}
