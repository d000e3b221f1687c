/**
 * `npm run measure:start`: measures how long `millrace cluster start` takes until six processes are ready,
 * and then the memory of an idle broker and controller. Measures the same for Apache Kafka, unless --alone is
 * given. RUNS=3 sets the number of runs (default 3). Prints the medians.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Cluster, startMillrace } from '../lib/cluster.ts';
import { residentMiB } from '../lib/memory.ts';
import { median, table } from '../lib/table.ts';
import { startPeerKafka } from './peer-kafka.ts';

const IDLE_MS = 10_000;
const READY_GOAL_MS = 3000;
const BROKER_GOAL_MIB = 120;

interface Measured {
  readonly name: string;
  readonly readyMs: number;
  /** The memory of the broker that uses the most. `controllerMiB`: the same for controllers. */
  readonly brokerMiB: number;
  readonly controllerMiB: number;
}

async function measure(start: () => Promise<Cluster>): Promise<Measured> {
  const cluster = await start();
  try {
    await sleep(IDLE_MS);
    const nodes = await cluster.nodes();
    const largest = (role: string) =>
      Math.max(...nodes.filter((node) => node.role === role).map(({ pid }) => residentMiB(pid, 'VmRSS')));
    const memory = { brokerMiB: largest('broker'), controllerMiB: largest('controller') };
    return { name: cluster.name, readyMs: cluster.readyMs, ...memory };
  } finally {
    await cluster.stop();
  }
}

const { values } = parseArgs({ options: { alone: { type: 'boolean', default: false } } });
const runs = Number(process.env['RUNS'] ?? 3);
const results: Measured[] = [];
for (let run = 0; run < runs; run++) {
  results.push(await measure(() => startMillrace()));
  if (!values.alone) results.push(await measure(() => startPeerKafka('three-and-three')));
}

const byName = Map.groupBy(results, ({ name }) => name);
const medians = [...byName].map(([name, measured]): Measured => {
  const of = (field: 'readyMs' | 'brokerMiB' | 'controllerMiB') => median(measured.map((one) => one[field]));
  return { name, readyMs: of('readyMs'), brokerMiB: of('brokerMiB'), controllerMiB: of('controllerMiB') };
});
const rows = medians.map(({ name, readyMs, brokerMiB, controllerMiB }) => [
  name,
  ...[readyMs, brokerMiB, controllerMiB].map((number) => number.toFixed(0)),
]);
process.stdout.write(
  `Six processes, median of ${runs} runs, memory after ${IDLE_MS / 1000} s of idling:\n\n`,
);
process.stdout.write(`${table(['', 'ready ms', 'broker MiB', 'controller MiB'], rows)}\n\n`);
const ours = medians.find(({ name }) => name === 'Millrace');
const isReached = ours !== undefined && ours.readyMs < READY_GOAL_MS && ours.brokerMiB < BROKER_GOAL_MIB;
const goal = `under ${READY_GOAL_MS} ms and under ${BROKER_GOAL_MIB} MiB a broker`;
process.stdout.write(`goal (${goal}): ${isReached ? 'reached' : 'NOT reached'}\n`);
process.exitCode = isReached ? 0 : 1;
