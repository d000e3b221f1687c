/**
 * What a fault is: something that may befall the cluster, planned from the seed before the run begins, so
 * that one can be left out without moving the others. Each draws from a source of its own.
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
  /** Names of the machines that clients run on. */
  readonly clientHosts: readonly string[];
  /** When the faults are over. */
  readonly untilUs: Micros;
}

export interface FaultKind {
  /** Kebab-case; coverage counts `fault NAME`. */
  readonly name: string;
  /** One sentence for docs and `--help`. */
  readonly sentence: string;
  /** Does it, and says to whom and how long; undefined: there was nothing to do it to. */
  strike(context: FaultContext, random: Prng): string | undefined;
}

/** A later step of a fault. None is taken when the faults are over. */
export function later({ world, untilUs }: FaultContext, afterUs: Micros, step: () => void): void {
  if (world.nowUs + afterUs < untilUs) world.after(afterUs, step);
}

export function pick<T>(random: Prng, list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : list[random.below(list.length)]!;
}

/** Mostly short, sometimes long enough for sessions and lag times to run out. */
export function duration(random: Prng, maxMs = 8_000): Micros {
  const ranges = [200, 1_000, 3_000, maxMs];
  const upTo = Math.min(maxMs, ranges[random.below(ranges.length)]!);
  return (20 + random.below(upTo)) * MILLISECOND;
}

export function seconds(us: Micros): string {
  return `${(us / 1e6).toFixed(2)} s`;
}

/** Somebody who matters: any node, the active controller, or the leader of some partition. */
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
