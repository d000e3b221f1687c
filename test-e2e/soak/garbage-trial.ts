/**
 * A trial that sends garbage of every kind, holds thousands of silent connections, and runs hostile clients,
 * while two normal writers write.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../lib/cluster.ts';
import { residentMiB } from '../lib/memory.ts';
import { aliveBrokers, createTopic } from '../lib/wire.ts';
import { garbageKinds, openFilesMax, openSilent, throwGarbage } from './garbage-client.ts';
import { endedSince, type HostileOptions, runHostile } from './hostile-trial.ts';
import { violationsOf } from './recorded.ts';
import { RunningWriter, readBack, type Target, untilSteady } from './writers.ts';

export interface GarbageOptions {
  readonly cluster: Cluster;
  readonly folder: string;
  readonly silentConnections: number;
  /** How many times the trial sends each kind of garbage to each node. */
  readonly rounds: number;
  readonly hostile?: Omit<HostileOptions, 'say'>;
  readonly say: (line: string) => void;
}

const PACE_MS = 10;
const CLOSE_LIMIT_MS = 5000;
const OPEN_WATCH_MS = 300;
/**
 * The most that the memory of a node may grow. A broker that allocated memory for every announced length
 * would grow by gigabytes.
 */
const MEMORY_GROWTH_MAX_MIB = 400;
const GAP_MAX_MS = 2000;

/** Returns the violations. */
export async function runGarbage({
  cluster,
  folder,
  hostile,
  ...options
}: GarbageOptions): Promise<string[]> {
  const violations: string[] = [];
  const before = await cluster.nodes();
  const target: Target = {
    bootstrapServers: cluster.bootstrapServers,
    topic: 'beside-garbage',
    partitions: 3,
  };
  await createTopic(target.bootstrapServers, { name: target.topic, partitions: 3, replicas: 3 });
  const writers = [
    await RunningWriter.start('librdkafka', target, PACE_MS, folder),
    await RunningWriter.start('java', target, PACE_MS, folder),
  ];
  try {
    await untilSteady(writers, 60_000, 'before the garbage');
    const peakBefore = peaks(before);
    const started = Date.now();
    if (options.rounds > 0) violations.push(...(await throwAll(before, options)));
    if (options.silentConnections > 0)
      violations.push(...(await holdSilent(before, cluster.bootstrapServers, options)));
    const growth = peaks(before).map((peak, i) => peak - (peakBefore[i] ?? 0));
    options.say(
      `peak memory grew by ${growth.join(', ')} MiB on nodes ${before.map(({ id }) => id).join(', ')}`,
    );
    if (growth.some((mib) => mib > MEMORY_GROWTH_MAX_MIB))
      violations.push(`memory grew by ${growth.join()} MiB`);
    if (hostile !== undefined)
      violations.push(...(await runHostile(cluster, writers, { ...hostile, say: options.say })));
    for (const writer of writers) {
      const gapMs = writer.longestGapMs(started);
      options.say(`${writer.name}: longest gap between acks in the whole trial ${gapMs} ms`);
      if (gapMs > GAP_MAX_MS) violations.push(`${writer.name} had a gap of ${gapMs} ms between acks`);
    }
    const written = await Promise.all(writers.map((writer) => writer.finish()));
    const names = written.map(({ name }) => name);
    const read = await readBack(target, names, folder);
    violations.push(...writers.flatMap(({ errors }) => errors));
    violations.push(...violationsOf({ topic: target.topic, partitions: target.partitions, written, read }));
    const ended = endedSince(before, await cluster.nodes());
    violations.push(...ended.map((id) => `node ${id} did not survive`));
  } finally {
    for (const writer of writers) writer.kill();
  }
  return violations;
}

type Nodes = Awaited<ReturnType<Cluster['nodes']>>;

async function throwAll(
  nodes: Nodes,
  { rounds, say }: Pick<GarbageOptions, 'rounds' | 'say'>,
): Promise<string[]> {
  const violations: string[] = [];
  for (const { name, bytes, mustClose } of garbageKinds) {
    const throws = nodes.flatMap(({ role, port }) =>
      Array.from({ length: rounds }, async () => {
        const isExpectedToClose = mustClose && role === 'broker';
        const ending = await throwGarbage(port, bytes(), isExpectedToClose ? CLOSE_LIMIT_MS : OPEN_WATCH_MS);
        return ending === 'no connection' || (isExpectedToClose && ending === 'open')
          ? `${role}: ${ending}`
          : 'fine';
      }),
    );
    const bad = (await Promise.all(throws)).filter((outcome) => outcome !== 'fine');
    say(
      `${name}: ${throws.length} connections, ${bad.length === 0 ? 'handled as expected' : bad.join(', ')}`,
    );
    if (bad.length > 0) violations.push(`${name}: ${bad.length} of ${throws.length}: ${bad[0]}`);
  }
  return violations;
}

async function holdSilent(
  nodes: Nodes,
  bootstrapServers: string,
  { silentConnections, say }: Pick<GarbageOptions, 'silentConnections' | 'say'>,
): Promise<string[]> {
  const ports = nodes.filter(({ role }) => role === 'broker').map(({ port }) => port);
  const total = Math.min(silentConnections, openFilesMax() - 500);
  if (total < silentConnections)
    say(`only ${total} silent connections: the limit of open files allows no more`);
  const sockets = await openSilent(ports, total);
  try {
    await sleep(2000);
    const open = sockets.filter((socket) => socket.readyState === 'open').length;
    const started = performance.now();
    const known = await aliveBrokers(bootstrapServers);
    const answeredMs = performance.now() - started;
    say(`${open} silent connections are held; a new client is answered in ${answeredMs.toFixed(0)} ms`);
    const violations: string[] = [];
    if (open < total) violations.push(`only ${open} of ${total} silent connections are still open`);
    if (known.size < ports.length)
      violations.push(`only ${known.size} brokers count as alive beside ${open} connections`);
    return violations;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Peak resident memory so far, in MiB, by node. */
function peaks(nodes: Nodes): number[] {
  return nodes.map(({ pid }) => residentMiB(pid, 'VmHWM'));
}
