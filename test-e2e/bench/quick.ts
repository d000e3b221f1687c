/**
 * `npm run bench:quick`: Kafka's own producer-perf-test loads Millrace and Apache Kafka in turns, at most five minutes.
 * Each load runs RUNS=3 times on either, interleaved, on new topics; the medians are compared.
 *
 *   --only one|six    one broker with one replica, or six processes with three replicas, min ISR 2
 */
import { parseArgs } from 'node:util';
import { type Cluster, startMillrace } from '../lib/cluster.ts';
import { median, table } from '../lib/table.ts';
import { startPeerKafka } from './peer-kafka.ts';
import { type Load, type PerfResult, perfTest } from './perf-test.ts';

const GOAL_RATIO = 0.8;
const PARTITIONS = 3;
/** For all runs of one layout: together with the starts of both clusters they stay within five minutes. */
const LAYOUT_LIMIT_MS = 105_000;

interface Layout {
  readonly name: 'one' | 'six';
  readonly title: string;
  readonly replicas: number;
  /** Enough for about three seconds at Apache Kafka's pace. */
  readonly records: Readonly<Record<100 | 1000, number>>;
  readonly millrace: () => Promise<Cluster>;
  readonly peer: () => Promise<Cluster>;
}

const layouts: readonly Layout[] = [
  {
    name: 'one',
    title: 'one broker, RF 1',
    replicas: 1,
    records: { 100: 1_200_000, 1000: 200_000 },
    millrace: () => startMillrace({ controllers: 1, brokers: 1 }),
    peer: () => startPeerKafka('combined'),
  },
  {
    name: 'six',
    title: 'six processes, RF 3',
    replicas: 3,
    records: { 100: 400_000, 1000: 60_000 },
    millrace: () => startMillrace(),
    peer: () => startPeerKafka('three-and-three'),
  },
];

interface NamedLoad extends Load {
  readonly title: string;
}

function loadsOf({ title, replicas, records }: Layout): NamedLoad[] {
  const loads: NamedLoad[] = [];
  for (const recordBytes of [1000, 100] as const) {
    for (const acks of ['1', 'all'] as const) {
      const shape = { partitions: PARTITIONS, replicas, acks, recordBytes, records: records[recordBytes] };
      loads.push({ title: `${title}, acks ${acks}, ${recordBytes} B`, ...shape });
    }
  }
  const paced = { acks: 'all', recordBytes: 1000, records: 1500, pace: 500 } as const;
  loads.push({ title: `${title}, acks all, 1000 B, 500/s`, partitions: PARTITIONS, replicas, ...paced });
  return loads;
}

type Results = Map<string, { load: NamedLoad; ours: PerfResult[]; theirs: PerfResult[] }>;

async function benchLayout(layout: Layout, runs: number, results: Results): Promise<void> {
  const [ours, theirs] = [await layout.millrace(), await layout.peer()];
  const deadline = performance.now() + LAYOUT_LIMIT_MS;
  try {
    const loads = loadsOf(layout);
    for (const cluster of [ours, theirs]) await warmUp(cluster, loads[1]!);
    for (let round = 1; round <= runs; round++) {
      for (const [i, load] of loads.entries()) {
        if (performance.now() > deadline) return;
        const entry = results.get(load.title) ?? { load, ours: [], theirs: [] };
        results.set(load.title, entry);
        const topic = `bench-${round}-${i}`;
        // Whoever comes first changes with the round.
        for (const who of round % 2 === 1 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const)) {
          const cluster = who === 'ours' ? ours : theirs;
          const result = await perfTest(cluster.bootstrapServers, topic, load);
          entry[who].push(result);
          process.stdout.write(`${load.title}: ${cluster.name} ${shortly(result)}\n`);
        }
      }
    }
  } finally {
    await Promise.all([ours.stop(), theirs.stop()]);
  }
}

/** The first requests find cold code on either side. */
async function warmUp(cluster: Cluster, load: Load): Promise<void> {
  await perfTest(cluster.bootstrapServers, 'warm-up', { ...load, records: load.records >> 2 });
}

function shortly({ recordsPerS, megabytesPerS, p50Ms, p99Ms }: PerfResult): string {
  return `${recordsPerS.toFixed(0)} records/s, ${megabytesPerS.toFixed(1)} MB/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
}

function summary(results: Results): { text: string; isGoalReached: boolean } {
  let isGoalReached = true;
  const rows = [...results.values()].map(({ load, ours, theirs }) => {
    const middle = (list: readonly PerfResult[], field: keyof PerfResult) =>
      median(list.map((one) => one[field]));
    const ratio = middle(ours, 'recordsPerS') / middle(theirs, 'recordsPerS');
    if (load.pace === undefined && ratio < GOAL_RATIO) isGoalReached = false;
    return [
      load.title,
      String(Math.min(ours.length, theirs.length)),
      (middle(ours, 'recordsPerS') / 1000).toFixed(1),
      (middle(theirs, 'recordsPerS') / 1000).toFixed(1),
      load.pace === undefined ? ratio.toFixed(2) : '-',
      ...[ours, theirs].map((list) => `${middle(list, 'p50Ms')}/${middle(list, 'p99Ms')}`),
    ];
  });
  const head = [
    'load',
    'runs',
    'Millrace k/s',
    'Kafka k/s',
    'ratio',
    'Millrace p50/p99 ms',
    'Kafka p50/p99 ms',
  ];
  return { text: table(head, rows), isGoalReached };
}

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const chosen = layouts.filter(({ name }) => values.only === undefined || values.only === name);
if (chosen.length === 0) throw new Error(`--only takes ${layouts.map(({ name }) => name).join(', ')}`);
const results: Results = new Map();
for (const layout of chosen) await benchLayout(layout, Number(process.env['RUNS'] ?? 3), results);
const { text, isGoalReached } = summary(results);
process.stdout.write(
  `\n${text}\n\ngoal (ratio at least ${GOAL_RATIO} everywhere): ${isGoalReached ? 'reached' : 'NOT reached'}\n`,
);
if (!isGoalReached) process.exitCode = 1;
