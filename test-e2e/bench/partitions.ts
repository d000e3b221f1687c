/**
 * `npm run measure:partitions`: gives one broker a topic with 2,000 partitions and four records of 1 KB in
 * each, and measures:
 *
 *   clean start   from the start of the stopped processes until the broker names the end offset of each
 *                 partition
 *   after kill -9 the same after kill -9 of the broker, while its controller runs
 *   idle CPU      the share of one core that the idle broker uses
 *   memory        the resident memory of the idle broker after a clean start, beyond that of the broker
 *                 before it had the topic, for each partition
 *
 * Each of the RUNS=3 rounds stops, starts, kills and starts the broker. --partitions N: the number of
 * partitions; --peer: measures Apache Kafka, whose only process is broker and controller at once, so that
 * kill -9 ends both. The goals are for Millrace.
 */
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type ClusterNode, startMillrace } from '../lib/cluster.ts';
import { cpuMs } from '../lib/cpu.ts';
import { residentMiB } from '../lib/memory.ts';
import { StealMeter } from '../lib/stolen.ts';
import { connect, createTopic, growTopic } from '../lib/wire.ts';
import { Goals } from './goals.ts';
import { batchOf, produce, untilServed } from './load.ts';
import { startPeerKafka } from './peer-kafka.ts';

const TOPIC = 'many';
const RECORD_BYTES = 1000;
const RECORDS_PER_PARTITION = 4;
/**
 * A request creates this many partitions, or writes to this many. With more, on a busy machine, the creation
 * of the files would block the broker's event loop for longer than its session with the controller lasts.
 */
const PARTITIONS_PER_REQUEST = 100;
/** An idle broker has settled after this time. */
const SETTLE_MS = 10_000;
const IDLE_MS = 15_000;

const { values } = parseArgs({
  options: { partitions: { type: 'string', default: '2000' }, peer: { type: 'boolean', default: false } },
});
const partitions = Number(values.partitions);
if (!Number.isInteger(partitions) || partitions < 1)
  throw new Error('--partitions takes a whole number from 1');
const rounds = Number(process.env['RUNS'] ?? 3);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('RUNS takes a whole number from 1');
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const goals = new Goals();
const steal = new StealMeter();
const startedMs = Date.now();
const cluster = values.peer
  ? await startPeerKafka('combined')
  : await startMillrace({ controllers: 1, brokers: 1 });
const server = cluster.bootstrapServers;
try {
  // The first start formats the folders, so the memory counts from the second one.
  await cluster.stop(true);
  await cluster.startAll();
  await sleep(SETTLE_MS);
  // 0 stands for a value that cannot be read. NaN misses every goal.
  const emptyMiB = residentMiB((await broker()).pid, 'VmRSS') || Number.NaN;
  await createAll();
  await fillPartitions();
  for (let round = 1; round <= rounds; round++) {
    await cluster.stop(true);
    goals.add({ title: 'clean start', unit: 'ms', atMost: 3000 }, await timedStart());
    await sleep(SETTLE_MS);
    const { pid } = await broker();
    const grownMiB = (residentMiB(pid, 'VmRSS') || Number.NaN) - emptyMiB;
    goals.add({ title: 'idle CPU', unit: '% of a core', atMost: 3 }, await idleShare(pid));
    goals.add({ title: 'memory per partition', unit: 'KB', atMost: 60 }, (grownMiB * 1024) / partitions);
    goals.add({ title: 'start after kill -9', unit: 'ms', atMost: 10_000 }, await killAndStart());
    process.stdout.write(`round ${round} of ${rounds} done\n`);
  }
  goals.add({ title: 'memory without partitions', unit: 'MiB' }, emptyMiB);
} finally {
  await cluster.stop();
}
const { text, missed } = goals.summary();
const stolen = Math.round(steal.between(startedMs, Date.now()));
steal.stop();
process.stdout.write(
  `\n${cluster.name}, one broker with ${partitions} partitions; the machine has ${availableParallelism()}` +
    ` cores, load average ${loadavg()[1]!.toFixed(1)}, steal time ${stolen} ms\n\n${text}\n\n` +
    `goals of Millrace: ${missed.length === 0 ? 'reached' : `NOT reached: ${missed.join('; ')}`}\n`,
);
process.exit(missed.length === 0 ? 0 : 1);

async function broker(): Promise<ClusterNode> {
  return (await cluster.nodes()).find(({ role }) => role === 'broker')!;
}

/** Starts what does not run, and returns the time until the broker serves all partitions. */
async function timedStart(): Promise<number> {
  const start = performance.now();
  await cluster.startAll();
  const records = await untilServed(server, TOPIC, partitions);
  const ms = Math.round(performance.now() - start);
  const expected = partitions * RECORDS_PER_PARTITION;
  if (records !== expected) throw new Error(`the broker has ${records} records instead of ${expected}`);
  return ms;
}

async function killAndStart(): Promise<number> {
  await cluster.kill((await broker()).id);
  return await timedStart();
}

async function idleShare(pid: number | undefined): Promise<number> {
  const [cpu, from] = [cpuMs(pid) || Number.NaN, performance.now()];
  await sleep(IDLE_MS);
  return ((cpuMs(pid) - cpu) / (performance.now() - from)) * 100;
}

async function createAll(): Promise<void> {
  const first = Math.min(PARTITIONS_PER_REQUEST, partitions);
  await createTopic(server, { name: TOPIC, partitions: first, replicas: 1 });
  await untilServed(server, TOPIC, first);
  for (let count = first; count < partitions; ) {
    count = Math.min(count + PARTITIONS_PER_REQUEST, partitions);
    await growTopic(server, TOPIC, count);
    await untilServed(server, TOPIC, count);
  }
}

/** Writes a record of 1 KB to each partition, several times. */
async function fillPartitions(): Promise<void> {
  const client = await connect(server, 60_000);
  const value = new Uint8Array(RECORD_BYTES).fill(97);
  for (let count = 0; count < RECORDS_PER_PARTITION; count++)
    for (let from = 0; from < partitions; from += PARTITIONS_PER_REQUEST) {
      const width = Math.min(PARTITIONS_PER_REQUEST, partitions - from);
      const parts = Array.from({ length: width }, (_unused, at) => {
        return { index: from + at, records: batchOf([{ value }]) };
      });
      await produce(client, TOPIC, parts);
    }
  client.close();
}
