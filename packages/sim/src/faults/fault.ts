/**
 * A fault of the cluster. The plan of a run holds the parameters of each fault, drawn from the seed before
 * anything happens. So shrinking can leave a fault out, or make its parameters smaller, and the other faults
 * keep their parameters. `index.ts` says how to add a fault.
 */
import type { Millis, Prng } from '@millrace/base';
import type { SimCluster, SimNode } from '../cluster/index.ts';
import type { Network } from '../net/index.ts';
import { MILLISECOND, type Micros, SECOND, type World } from '../world/index.ts';
import type { Atlas } from './atlas.ts';
import type { Operator } from './operator.ts';
import { choice, chosen, type Parameter, type Shape, type ValuesOf } from './parameter.ts';

export interface FaultContext {
  readonly world: World;
  readonly network: Network;
  readonly cluster: SimCluster;
  readonly atlas: Atlas;
  readonly operator: Operator;
  /** Names of the clients' machines. */
  readonly clientHosts: readonly string[];
  /** The end of the incident that this fault belongs to. */
  readonly untilUs: Micros;
  /** The fault's own source, for details that are not worth a parameter. */
  readonly random: Prng;
}

/**
 * What a fault that has struck does from now on. The checkers of availability demand nothing of the machines
 * that a fault touches. So each fault must name all of these machines.
 */
export interface Strike {
  /** The victim and the duration in words, for the fault's line of the story. */
  readonly says: string;
  /** The nodes whose work the fault may disturb: `[]` for none, `cluster.nodes` for all. */
  readonly touches: readonly SimNode[];
  /** The time from now until the fault ends; `RECOVERY_US` for a fault that acts at once. */
  readonly lastsUs: Micros;
}

/** The time within which a machine recovers from a fault that acts at once. */
export const RECOVERY_US: Micros = 4 * SECOND;

interface Fault<S extends Shape> {
  /** Kebab-case; coverage counts `fault NAME`. */
  readonly name: string;
  /** One sentence, the same as in docs/simulation.md. */
  readonly sentence: string;
  readonly parameters: S;
  /** Injects the fault. Undefined: the fault did nothing, most often because it found no victim. */
  strike(context: FaultContext, parameters: ValuesOf<S>): Strike | undefined;
}

/** A fault with parameters of any names. The caller of `strike` has checked the values. */
export type FaultKind = Fault<Shape>;

/**
 * Returns `kind` unchanged. It exists for the types: the compiler derives from `parameters` which values
 * `strike` gets.
 */
export function fault<const S extends Shape>(kind: Fault<S>): FaultKind {
  return kind;
}

/** Schedules a later step of a fault. Drops a step that would come after the end of the incident. */
export function later({ world, untilUs }: FaultContext, afterUs: Micros, step: () => void): void {
  if (world.nowUs + afterUs < untilUs) world.after(afterUs, step);
}

/** The time at which an effect of this duration ends: at the latest the end of the incident. */
export function endOf({ world, untilUs }: FaultContext, lastsMs: Millis): Micros {
  return Math.min(world.nowUs + lastsMs * MILLISECOND, untilUs);
}

/** The time from now until `endOf`: `lastsUs` of a strike. */
export function lasting(context: FaultContext, lastsMs: Millis): Micros {
  return endOf(context, lastsMs) - context.world.nowUs;
}

/** Ends an effect of a fault after a time, at the latest with the incident. Returns this time. */
export function endAfter(context: FaultContext, lastsMs: Millis, end: () => void): Micros {
  const lastsUs = lasting(context, lastsMs);
  context.world.after(lastsUs, end);
  return lastsUs;
}

export function seconds(us: Micros): string {
  return `${(us / 1e6).toFixed(2)} s`;
}

const WHO = ['any', 'active-controller', 'leader'] as const;

/**
 * Says which node a fault wants as its victim. If there is no such node, or the fault cannot use it, `pick`
 * chooses another node.
 */
export type VictimChoice = { readonly who: (typeof WHO)[number]; readonly pick: number };

const number = choice();

/** Any node (in half of the draws), the active controller, or the leader of some partition. */
export function victim(): Parameter<VictimChoice> {
  return {
    allows: `{"who": ${WHO.map((who) => `"${who}"`).join(' or ')}, "pick": ${number.allows}}`,
    isAllowed: isVictimChoice,
    draw: (random) => ({ who: WHO[Math.max(0, random.below(4) - 1)]!, pick: number.draw(random) }),
    less: () => [],
  };
}

function isVictimChoice(value: unknown): value is VictimChoice {
  if (typeof value !== 'object' || value === null || !('who' in value) || !('pick' in value)) return false;
  const { who, pick, ...rest } = value;
  return WHO.some((one) => one === who) && number.isAllowed(pick) && Object.keys(rest).length === 0;
}

export function victimOf(
  { cluster }: FaultContext,
  { who, pick }: VictimChoice,
  eligible: (node: SimNode) => boolean = () => true,
): SimNode | undefined {
  const leads = () => cluster.node(chosen(cluster.partitions(), pick)?.image.leader ?? -1);
  const wanted = {
    any: () => undefined,
    'active-controller': () => cluster.activeController(),
    leader: leads,
  }[who]();
  return wanted !== undefined && eligible(wanted) ? wanted : chosen(cluster.nodes.filter(eligible), pick);
}
