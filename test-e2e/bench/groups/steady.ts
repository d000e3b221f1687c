/** The section `steady`: latencies, highest rates and CPU time. Runs `memory` with the same groups. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, ClusterNode } from '../../lib/cluster.ts';
import { cpuMs } from '../../lib/cpu.ts';
import type { Protocol } from './group.ts';
import type { Measure } from './judge.ts';
import type { Latencies } from './latencies.ts';
import { fullLoad, PacedLoad, type Send, sendCommit, sendHeartbeat } from './load.ts';
import { brokersOf, printTroubles, worldOptions } from './measuring.ts';
import { largestMb, memory } from './memory.ts';
import type { SectionName, Sizes } from './options.ts';
import { World } from './world.ts';

export async function steadyAndMemory(
  cluster: Cluster,
  protocol: Protocol,
  sizes: Sizes,
  sections: ReadonlySet<SectionName>,
): Promise<Measure[]> {
  // Lists the brokers only once, because with Millrace each call starts a process.
  const brokers = await brokersOf(cluster);
  const idleMb = largestMb(brokers);
  const world = await World.create(cluster, worldOptions(`steady-${protocol}`, protocol, sizes));
  try {
    const heartbeats = new PacedLoad(world.members, sizes.heartbeatMs, sendHeartbeat);
    await sleep(sizes.warmUpMs);
    const measures = sections.has('memory') ? await memory(brokers, world, sizes, idleMb) : [];
    if (sections.has('steady')) {
      measures.push(...(await paced(brokers, world, sizes, heartbeats)));
      // The heartbeats at a fixed rate continue during the measurement of the highest rate of commits,
      // because a commit does not extend the session of a KIP-848 member. They stop before the measurement of
      // the highest rate of heartbeats.
      measures.push(...(await full(brokers, world, sizes, 'commit', sendCommit)));
      heartbeats.stop();
      measures.push(...(await full(brokers, world, sizes, 'heartbeat', sendHeartbeat)));
    }
    heartbeats.stop();
    printTroubles(world);
    await world.leaveAll();
    return measures;
  } finally {
    world.close();
  }
}

async function paced(
  brokers: readonly ClusterNode[],
  world: World,
  sizes: Sizes,
  heartbeats: PacedLoad,
): Promise<Measure[]> {
  const { protocol } = world;
  const commits = new PacedLoad(world.members, sizes.commitMs, sendCommit);
  await sleep(sizes.warmUpMs);
  heartbeats.restart();
  commits.restart();
  const cpu = brokersCpuMs(brokers);
  const start = performance.now();
  await sleep(sizes.pacedMs);
  const seconds = (performance.now() - start) / 1000;
  const spentMs = brokersCpuMs(brokers) - cpu;
  commits.stop();
  const requests = heartbeats.latencies.count + commits.latencies.count;
  const title = (what: string) => `${protocol}, fixed rate: ${what}`;
  const timesOf = (what: string, { latencies, skipped }: PacedLoad): Measure[] => [
    { title: title(`${what}s`), unit: '/s', value: latencies.count / seconds, better: 'higher' },
    { title: title(`${what} p50`), unit: 'ms', value: latencies.percentile(0.5), better: 'lower' },
    {
      title: title(`${what} p99`),
      unit: 'ms',
      value: latencies.percentile(0.99),
      better: 'lower',
      isJudged: true,
    },
    { title: title(`${what}s that were not sent in time`), unit: '', value: skipped, better: 'lower' },
  ];
  return [
    ...timesOf('heartbeat', heartbeats),
    ...timesOf('commit', commits),
    {
      title: title('brokers’ CPU time per 1,000 requests'),
      unit: 'ms',
      value: (spentMs / requests) * 1000,
      better: 'lower',
    },
  ];
}

async function full(
  brokers: readonly ClusterNode[],
  world: World,
  { fullMs, inFlight, warmUpMs }: Sizes,
  what: string,
  send: Send,
): Promise<Measure[]> {
  await fullLoad(world.members, inFlight, warmUpMs, send);
  const cpu = brokersCpuMs(brokers);
  const own = process.cpuUsage();
  const start = performance.now();
  const latencies: Latencies = await fullLoad(world.members, inFlight, fullMs, send);
  const elapsedMs = performance.now() - start;
  const { user, system } = process.cpuUsage(own);
  const spentMs = brokersCpuMs(brokers) - cpu;
  const title = (which: string) => `${world.protocol}, highest rate: ${which}`;
  return [
    {
      title: title(`${what}s`),
      unit: '/s',
      value: (latencies.count / fullMs) * 1000,
      better: 'higher',
      isJudged: true,
    },
    { title: title(`${what} p50`), unit: 'ms', value: latencies.percentile(0.5), better: 'lower' },
    { title: title(`${what} p99`), unit: 'ms', value: latencies.percentile(0.99), better: 'lower' },
    {
      title: title(`brokers’ CPU time per 1,000 ${what}s`),
      unit: 'ms',
      value: (spentMs / latencies.count) * 1000,
      better: 'lower',
    },
    {
      title: title(`the load generator’s share of a core, ${what}s`),
      unit: '%',
      value: (user + system) / 10 / elapsedMs,
      better: 'lower',
    },
  ];
}

function brokersCpuMs(brokers: readonly ClusterNode[]): number {
  return brokers.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
}
