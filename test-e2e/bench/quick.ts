/**
 * `npm run bench:quick`: sends load to Millrace and to Apache Kafka with Kafka's own producer-perf-test, and
 * compares the medians. Takes about five minutes. Each load runs RUNS=3 times on each of the two products, in
 * turns and on new topics. A time limit may end the bench earlier.
 *
 *   --only one|six    one broker with one replica, or six processes with three replicas, min ISR 2
 *   --before FOLDER   also measures another checkout of Millrace, which must be set up; takes longer
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Cluster, startMillrace } from '../lib/cluster.ts';
import { median, table } from '../lib/table.ts';
import { type PeerLayout, startPeerKafka } from './peer-kafka.ts';
import { type Load, type PerfResult, perfTest } from './perf-test.ts';

const GOAL_RATIO = 0.8;
const PARTITIONS = 3;
/** The name of the other checkout in the output. */
const BEFORE = 'before';
/**
 * Time limit for all runs of one layout on one contender. With this limit, both layouts on two contenders,
 * and the starts of the clusters, fit into five minutes.
 */
const CONTENDER_LIMIT_MS = 52_000;

interface Layout {
  readonly name: 'one' | 'six';
  readonly title: string;
  readonly replicas: number;
  /**
   * For each size of a record in bytes: the number of records that Apache Kafka takes in about three seconds.
   */
  readonly records: Readonly<Record<100 | 1000, number>>;
  readonly nodes: { readonly controllers: number; readonly brokers: number };
  readonly peer: PeerLayout;
}

const layouts: readonly Layout[] = [
  {
    name: 'one',
    title: 'one broker, RF 1',
    replicas: 1,
    records: { 100: 1_200_000, 1000: 200_000 },
    nodes: { controllers: 1, brokers: 1 },
    peer: 'combined',
  },
  {
    name: 'six',
    title: 'six processes, RF 3',
    replicas: 3,
    records: { 100: 400_000, 1000: 60_000 },
    nodes: { controllers: 3, brokers: 3 },
    peer: 'three-and-three',
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

/** By the title of a load: the load, and for each contender the results of its runs. */
type Results = Map<string, { load: NamedLoad; measured: PerfResult[][] }>;

/** Starts the contenders in this order: this checkout, the other checkout if there is one, the peer. */
async function startContenders(layout: Layout, before: string | undefined): Promise<Cluster[]> {
  const started = [await startMillrace(layout.nodes)];
  if (before !== undefined) {
    const other = await startMillrace({ ...layout.nodes, checkout: resolve(before) });
    started.push({ ...other, name: BEFORE });
  }
  started.push(await startPeerKafka(layout.peer));
  return started;
}

async function benchLayout(
  layout: Layout,
  runs: number,
  before: string | undefined,
  results: Results,
): Promise<void> {
  const contenders = await startContenders(layout, before);
  const deadline = performance.now() + CONTENDER_LIMIT_MS * contenders.length;
  try {
    const loads = loadsOf(layout);
    for (const cluster of contenders) await warmUp(cluster, loads[1]!);
    for (let round = 1; round <= runs; round++) {
      for (const [i, load] of loads.entries()) {
        if (performance.now() > deadline) return;
        const entry = results.get(load.title) ?? { load, measured: contenders.map(() => []) };
        results.set(load.title, entry);
        // In each round another contender is the first.
        for (let turn = 0; turn < contenders.length; turn++) {
          const who = (round + turn) % contenders.length;
          const cluster = contenders[who]!;
          const result = await perfTest(cluster.bootstrapServers, `bench-${round}-${i}`, load);
          entry.measured[who]!.push(result);
          process.stdout.write(`${load.title}: ${cluster.name} ${shortly(result)}\n`);
        }
      }
    }
  } finally {
    await Promise.all(contenders.map((cluster) => cluster.stop()));
  }
}

/** Warms up a contender, because the first requests run code that is not compiled yet. */
async function warmUp(cluster: Cluster, load: Load): Promise<void> {
  await perfTest(cluster.bootstrapServers, 'warm-up', { ...load, records: load.records >> 2 });
}

function shortly({ recordsPerS, megabytesPerS, p50Ms, p99Ms }: PerfResult): string {
  return `${recordsPerS.toFixed(0)} records/s, ${megabytesPerS.toFixed(1)} MB/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
}

function summary(results: Results, names: readonly string[]): { text: string; isGoalReached: boolean } {
  let isGoalReached = true;
  const middle = (list: readonly PerfResult[], field: keyof PerfResult) =>
    median(list.map((one) => one[field]));
  const rows = [...results.values()].map(({ load, measured }) => {
    const rates = measured.map((list) => middle(list, 'recordsPerS'));
    const ratios = rates.slice(1).map((other) => rates[0]! / other);
    if (load.pace === undefined && ratios.at(-1)! < GOAL_RATIO) isGoalReached = false;
    return [
      load.title,
      String(Math.min(...measured.map((list) => list.length))),
      ...rates.map((rate) => (rate / 1000).toFixed(1)),
      ...ratios.map((ratio) => (load.pace === undefined ? ratio.toFixed(2) : '-')),
      ...measured.map((list) => `${middle(list, 'p50Ms')}/${middle(list, 'p99Ms')}`),
    ];
  });
  const head = [
    'load',
    'runs',
    ...names.map((name) => `${name} k/s`),
    ...names.slice(1).map((name) => `to ${name}`),
    ...names.map((name) => `${name} p50/p99 ms`),
  ];
  return { text: table(head, rows), isGoalReached };
}

const { values } = parseArgs({ options: { only: { type: 'string' }, before: { type: 'string' } } });
const { only, before } = values;
const chosen = layouts.filter(({ name }) => only === undefined || only === name);
if (chosen.length === 0) throw new Error(`--only takes ${layouts.map(({ name }) => name).join(', ')}`);
const results: Results = new Map();
for (const layout of chosen) await benchLayout(layout, Number(process.env['RUNS'] ?? 3), before, results);
const names = ['Millrace', ...(before === undefined ? [] : [BEFORE]), 'Kafka'];
const { text, isGoalReached } = summary(results, names);
process.stdout.write(
  `\n${text}\n\ngoal (ratio to Kafka at least ${GOAL_RATIO} everywhere): ${isGoalReached ? 'reached' : 'NOT reached'}\n`,
);
if (!isGoalReached) process.exitCode = 1;
