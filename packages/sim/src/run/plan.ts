/**
 * The plan of a run's faults, drawn from the seed before anything happens: for each fault a time, a kind and
 * its parameters. Leaving one out therefore does not change the others, so a failing run can shrink.
 */
import type { Millis, Prng } from '@millrace/base';
import {
  commonFaults,
  drawValues,
  type FaultContext,
  type FaultKind,
  faultKinds,
  rareFaults,
  type Values,
} from '../faults/index.ts';
import { MILLISECOND, type Micros } from '../world/index.ts';

export interface PlannedFault {
  /** Unique in the plan. */
  readonly id: number;
  readonly kind: string;
  /** From the beginning of its incident. */
  readonly atMs: Millis;
  readonly parameters: Values;
}

/** A planned fault that found a victim. */
export interface StruckFault {
  readonly planned: PlannedFault;
  readonly atUs: Micros;
  /** Its victim and its duration in words. */
  readonly text: string;
}

export interface FaultPace {
  /** The weight of each kind of fault in this run; 0: never. */
  readonly weights: ReadonlyMap<string, number>;
  readonly lastsMs: Millis;
  readonly meanPauseMs: Millis;
}

/** A random subset of the kinds, with random weights. */
export function drawWeights(random: Prng): Map<string, number> {
  const weights = new Map<string, number>();
  // A run has about a quarter, half or four fifths of the common faults.
  const share = [250, 500, 800][random.below(3)]!;
  for (const { name } of commonFaults)
    weights.set(name, random.below(1000) < share ? 1 + random.below(10) : 0);
  return weights;
}

export function drawPlan(random: Prng, pace: FaultPace): PlannedFault[] {
  const total = [...pace.weights.values()].reduce((sum, weight) => sum + weight, 0);
  const plan: PlannedFault[] = [];
  if (total === 0) return plan;
  for (let atMs = 0; ; ) {
    atMs += random.below(2 * pace.meanPauseMs);
    if (atMs >= pace.lastsMs) return plan;
    const kind = drawKind(random, pace.weights, total);
    plan.push(drawFault(random.fork(`parameters ${plan.length}`), { id: plan.length, kind, atMs }));
  }
}

/** One run in this many has a rare fault of a kind. */
const RARE_ONE_IN = 5;

/** Draws the rare faults, which come after the common ones in the plan. Each strikes once, in some runs. */
export function drawRareFaults(random: Prng, lastsMs: Millis, plan: readonly PlannedFault[]): PlannedFault[] {
  const added: PlannedFault[] = [];
  for (const { name } of rareFaults) {
    const source = random.fork(name);
    if (source.below(RARE_ONE_IN) > 0) continue;
    const atMs = source.below(lastsMs);
    added.push(drawFault(source, { id: plan.length + added.length, kind: name, atMs }));
  }
  return added;
}

function drawKind(random: Prng, weights: ReadonlyMap<string, number>, total: number): string {
  let left = random.below(total);
  for (const [name, weight] of weights) {
    left -= weight;
    if (left < 0) return name;
  }
  return commonFaults[0]!.name;
}

const kinds = new Map<string, FaultKind>(faultKinds.map((kind) => [kind.name, kind]));

function drawFault(random: Prng, fault: Omit<PlannedFault, 'parameters'>): PlannedFault {
  return { ...fault, parameters: drawValues(kinds.get(fault.kind)!.parameters, random) };
}

/** Schedules every fault at its time, or only those in `only`. Reports each that strikes. */
export function schedule(
  plan: readonly PlannedFault[],
  only: ReadonlySet<number> | undefined,
  context: Omit<FaultContext, 'random'>,
  struck: (fault: StruckFault) => void,
): void {
  const { world } = context;
  for (const planned of plan) {
    const { id, kind, atMs, parameters } = planned;
    if (only !== undefined && !only.has(id)) continue;
    world.after(atMs * MILLISECOND, () => {
      const random = world.random.fork(`fault ${id}`);
      const text = kinds.get(kind)!.strike({ ...context, random }, parameters);
      if (text === undefined) return;
      world.count(`fault ${kind}`);
      world.tell('world', `fault ${id}: ${kind}`, { what: text });
      struck({ planned, atUs: world.nowUs, text });
    });
  }
}
