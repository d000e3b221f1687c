/**
 * Draws the faults of a run. The same seed draws the same faults in the same order. Each fault of a scenario
 * comes once before any comes again, in an order that is drawn each time. So a long run has each equally
 * often, and a short run is not always the same. Pure.
 */
import type { Random } from '@millrace/base';
import type { FaultPlan, Range, Scenario } from './types.ts';

export interface NextFault {
  readonly plan: FaultPlan;
  readonly lastsMs: number;
}

export class Schedule {
  private readonly scenario: Scenario;
  private readonly random: Random;
  private round: FaultPlan[] = [];

  constructor(scenario: Scenario, random: Random) {
    this.scenario = scenario;
    this.random = random;
  }

  next(): NextFault {
    if (this.round.length === 0) this.round = [...this.scenario.faults];
    const [plan] = this.round.splice(this.random.below(this.round.length), 1);
    return { plan: plan!, lastsMs: this.draw(plan!.lastsMs) };
  }

  /** Puts a fault back into its round, because it had no victim. */
  postpone({ plan }: NextFault): void {
    this.round.push(plan);
  }

  pauseMs(): number {
    return this.draw(this.scenario.pauseMs);
  }

  private draw([min, max]: Range): number {
    return min + this.random.below(max - min + 1);
  }
}
