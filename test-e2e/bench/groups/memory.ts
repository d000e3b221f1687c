/**
 * The section `memory`: measures the memory of the brokers when all groups have formed. KIP-848 groups reach
 * their last assignment only after some heartbeats, so the section waits before it measures. "Own" memory is
 * RssAnon, the memory that does not come from files. It leaves out Node's program file, of which each process
 * has about 55 MB in memory.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterNode } from '../../lib/cluster.ts';
import type { Measure } from './judge.ts';
import { megabytes } from './measuring.ts';
import type { Sizes } from './options.ts';
import type { World } from './world.ts';

/** The goal for a coordinator of 1,000 groups with 10 members and 100 offsets each. */
export const MEMORY_LIMIT_MB = 250;

/**
 * Measures the memory while the members send heartbeats. `idleMb`: the largest resident memory of a broker
 * before the groups existed.
 */
export async function memory(
  brokers: readonly ClusterNode[],
  { protocol, coordinator }: World,
  { memoryAfterMs }: Sizes,
  idleMb: number,
): Promise<Measure[]> {
  await sleep(memoryAfterMs);
  const leader = brokers.find(({ id }) => id === coordinator)?.pid;
  const others = brokers.filter(({ id }) => id !== coordinator);
  const lower = (what: string, value: number, limit?: number): Measure => ({
    title: `${protocol}: ${what}`,
    unit: 'MB',
    value,
    better: 'lower',
    ...(limit === undefined ? {} : { limit }),
  });
  return [
    lower('memory of the largest broker before the groups', idleMb),
    lower('memory of the coordinator', megabytes(leader, 'VmRSS'), MEMORY_LIMIT_MB),
    lower('own memory of the coordinator', megabytes(leader, 'RssAnon')),
    lower('peak memory of the coordinator', megabytes(leader, 'VmHWM')),
    lower('memory of the largest other broker', largestMb(others)),
  ];
}

export function largestMb(brokers: readonly ClusterNode[]): number {
  return Math.max(0, ...brokers.map(({ pid }) => megabytes(pid, 'VmRSS')));
}
