/**
 * The plan of a run's faults, drawn from the seed before anything happens: for each fault a time, a kind and
 * a source of randomness of its own. Leaving one out therefore does not change the others, so a failing run
 * can shrink.
 */
import type { Prng } from '@millrace/base';
import { commonFaults, type FaultContext, type FaultKind, faultKinds, rareFaults } from '../faults/index.ts';
import { MILLISECOND, type Micros } from '../world/index.ts';

export interface PlannedFault {
  readonly index: number;
  readonly atUs: Micros;
  readonly name: string;
  /**
   * Its effect in words, after it struck; undefined: it found no victim, is left out, or its time has not
   * come.
   */
  text: string | undefined;
}

export interface FaultPace {
  /** The weight of each kind of fault in this run; 0: never. */
  readonly weights: ReadonlyMap<string, number>;
  readonly fromUs: Micros;
  readonly untilUs: Micros;
  readonly meanPauseMs: number;
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
  let atUs = pace.fromUs;
  for (;;) {
    atUs += random.below(2 * pace.meanPauseMs * MILLISECOND);
    if (atUs >= pace.untilUs) return plan;
    plan.push({ index: plan.length, atUs, name: drawKind(random, pace.weights, total), text: undefined });
  }
}

/** One run in this many has a rare fault of a kind. */
const RARE_ONE_IN = 5;

/** Draws the rare faults, which come after the common ones in the plan. Each strikes once, in some runs. */
export function drawRareFaults(
  random: Prng,
  { fromUs, untilUs }: Pick<FaultPace, 'fromUs' | 'untilUs'>,
  plan: readonly PlannedFault[],
): PlannedFault[] {
  const added: PlannedFault[] = [];
  for (const { name } of rareFaults) {
    const source = random.fork(name);
    if (source.below(RARE_ONE_IN) > 0) continue;
    const atUs = fromUs + source.below(untilUs - fromUs);
    added.push({ index: plan.length + added.length, atUs, name, text: undefined });
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

/** Schedules every fault at its time, or only those in `only`. */
export function schedule(
  plan: readonly PlannedFault[],
  only: ReadonlySet<number> | undefined,
  context: FaultContext,
): void {
  const { world } = context;
  const kinds = new Map<string, FaultKind>(faultKinds.map((kind) => [kind.name, kind]));
  for (const planned of plan) {
    if (only !== undefined && !only.has(planned.index)) continue;
    const { index, name } = planned;
    world.after(planned.atUs - world.nowUs, () => {
      planned.text = kinds.get(name)!.strike(context, world.random.fork(`fault ${index}`));
      if (planned.text === undefined) return;
      world.count(`fault ${name}`);
      world.tell('world', `fault ${index}: ${name}`, { what: planned.text });
    });
  }
}
