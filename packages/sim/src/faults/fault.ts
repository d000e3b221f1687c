/**
 * A fault of the cluster. The plan draws it from the seed before the run begins, so that the run can leave
 * one out without changing the others. Each fault draws from a source of its own.
 */
import type { Prng } from '@millrace/base';
import type { SimCluster, SimNode } from '../cluster/index.ts';
import type { Network } from '../net/index.ts';
import { MILLISECOND, type Micros, type World } from '../world/index.ts';
import type { Atlas } from './atlas.ts';
import type { Operator } from './operator.ts';

export interface FaultContext {
  readonly world: World;
  readonly network: Network;
  readonly cluster: SimCluster;
  readonly atlas: Atlas;
  readonly operator: Operator;
  /** Names of the clients' machines. */
  readonly clientHosts: readonly string[];
  /** The end of the faults. */
  readonly untilUs: Micros;
}

export interface FaultKind {
  /** Kebab-case; coverage counts `fault NAME`. */
  readonly name: string;
  /** One sentence for docs and `--help`. */
  readonly sentence: string;
  /** Injects the fault. Returns its victim and its duration in words; undefined: there is no victim. */
  strike(context: FaultContext, random: Prng): string | undefined;
}

/** Schedules a later step of a fault. Drops it when the faults are over. */
export function later({ world, untilUs }: FaultContext, afterUs: Micros, step: () => void): void {
  if (world.nowUs + afterUs < untilUs) world.after(afterUs, step);
}

export function pick<T>(random: Prng, list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : list[random.below(list.length)]!;
}

/** Draws a duration: mostly short, sometimes longer than session timeouts and lag times. */
export function duration(random: Prng, maxMs = 8_000): Micros {
  const ranges = [200, 1_000, 3_000, maxMs];
  const upTo = Math.min(maxMs, ranges[random.below(ranges.length)]!);
  return (20 + random.below(upTo)) * MILLISECOND;
}

export function seconds(us: Micros): string {
  return `${(us / 1e6).toFixed(2)} s`;
}

/** Draws a victim: any node, the active controller, or the leader of some partition. */
export function victim(
  { cluster }: FaultContext,
  random: Prng,
  eligible: (node: SimNode) => boolean = () => true,
): SimNode | undefined {
  const choice = random.below(4);
  const place = random.u32();
  if (choice === 0) {
    const active = cluster.activeController();
    if (active !== undefined && eligible(active)) return active;
  }
  if (choice === 1) {
    const places = cluster.partitions();
    const leader =
      places.length === 0 ? undefined : cluster.node(places[place % places.length]!.image.leader);
    if (leader !== undefined && eligible(leader)) return leader;
  }
  const all = cluster.nodes.filter(eligible);
  return all.length === 0 ? undefined : all[place % all.length];
}
