/** Helpers that the sections of the benchmark share. */
import type { Cluster, ClusterNode } from '../../lib/cluster.ts';
import { type MemoryKind, residentMiB } from '../../lib/memory.ts';
import type { Protocol } from './group.ts';
import type { Sizes } from './options.ts';
import type { World, WorldOptions } from './world.ts';

const MB_PER_MIB = 1.048576;
export const REBALANCE_MS = 60_000;

export function worldOptions(name: string, protocol: Protocol, sizes: Sizes): WorldOptions {
  const { groups, membersPerGroup, offsetsPerGroup, lanes, sessionMs } = sizes;
  return {
    protocol,
    name,
    groups,
    membersPerGroup,
    partitions: offsetsPerGroup,
    lanes,
    sessionMs,
    rebalanceMs: REBALANCE_MS,
  };
}

export async function brokersOf(cluster: Cluster): Promise<ClusterNode[]> {
  return (await cluster.nodes()).filter(({ role }) => role === 'broker');
}

export function megabytes(pid: number | undefined, what: MemoryKind): number {
  return Math.round(residentMiB(pid, what) * MB_PER_MIB);
}

/** Prints the unexpected answers, if there were any. */
export function printTroubles(world: World): void {
  if (world.complaints.size > 0)
    process.stdout.write(`  ${world.name}: unexpected answers: ${world.troubles()}\n`);
}
