/**
 * `npm run soak:failover`: kills the leader of a partition, and the active controller, with -9 under two writers
 * (librdkafka and the Java client, acks=all, idempotent), again and again.
 *
 *   TRIALS=20                 of each kind
 *   --victim leader|controller|all|both   (both: leader and controller; all: `npm run soak:kill-all`)
 *   --pace paced|fast|both    a record each 10 ms, or as fast as it goes
 *   --peer                    against Apache Kafka instead of Millrace
 *
 * Prints a line a trial and a summary; exit code 1 when an acknowledged record was lost or doubled, the order broken,
 * an error reached the application, or a node did not come back.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startPeerKafka } from '../bench/peer-kafka.ts';
import { type Cluster, startMillrace } from '../lib/cluster.ts';
import { cacheFolder } from '../lib/paths.ts';
import { median, table } from '../lib/table.ts';
import { neededTool } from '../lib/tools.ts';
import { runTrial, type TrialResult, type Victim } from './trial.ts';

const PACE_MS = 10;

interface Kind {
  readonly victim: Victim;
  readonly pace: 'paced' | 'fast';
}

interface Row extends Kind {
  readonly result: TrialResult;
}

function kindsOf(victim: string, pace: string): Kind[] {
  const victims: Victim[] =
    victim === 'both' ? ['leader', 'controller'] : [oneOf(victim, ['leader', 'controller', 'all'])];
  const paces: Kind['pace'][] = pace === 'both' ? ['paced', 'fast'] : [oneOf(pace, ['paced', 'fast'])];
  return victims.flatMap((one) => paces.map((other) => ({ victim: one, pace: other })));
}

function oneOf<T extends string>(value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new Error(`'${value}' is not one of ${allowed.join(', ')}, both`);
  return found;
}

async function runAll(
  cluster: Cluster,
  kinds: readonly Kind[],
  trials: number,
  folder: string,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const kind of kinds) {
    for (let i = 1; i <= trials; i++) {
      const topic = `soak-${kind.victim}-${kind.pace}-${i}`;
      const paceMs = kind.pace === 'paced' ? PACE_MS : 0;
      const result = await runTrial({ cluster, victim: kind.victim, paceMs, topic, folder });
      rows.push({ ...kind, result });
      process.stdout.write(`${describe(kind, i, result)}\n`);
    }
  }
  return rows;
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

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      victim: { type: 'string', default: 'both' },
      pace: { type: 'string', default: 'both' },
      peer: { type: 'boolean', default: false },
    },
  });
  const kinds = kindsOf(values.victim, values.pace);
  const trials = Number(process.env['TRIALS'] ?? 20);
  await neededTool('confluent-kafka');
  await neededTool('java');
  const folder = mkdtempSync(join(cacheFolder('work'), 'soak-'));
  const cluster = values.peer ? await startPeerKafka('three-and-three') : await startMillrace();
  process.stdout.write(
    `${cluster.name}: six processes ready after ${cluster.readyMs} ms, ${trials} trials a kind\n`,
  );
  let isGood = false;
  try {
    const rows = await runAll(cluster, kinds, trials, folder);
    process.stdout.write(`\n${summary(rows)}\n`);
    isGood = rows.every(({ result }) => result.violations.length === 0);
  } finally {
    await cluster.stop(!isGood);
    if (isGood) rmSync(folder, { recursive: true, force: true });
    else
      process.stdout.write(
        `the writers' files are kept in ${folder}, the cluster's in ${cacheFolder('clusters')}\n`,
      );
  }
  process.exitCode = isGood ? 0 : 1;
}

await main();
