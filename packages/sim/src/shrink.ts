/**
 * Shrinks the plan of a failing run as long as the same checker still fails. Leaves out incidents. Then
 * leaves out faults, first many at once, then single ones (delta debugging). Then makes phases shorter,
 * parameters smaller and the scenario simpler. The shrinking reads no clock: the caller decides when to stop.
 */
import {
  faultsOf,
  type Plan,
  withFaults,
  withLesserParameters,
  withLesserScenario,
  withoutAnIncident,
  withShorterPhases,
} from './plan/index.ts';

/**
 * The facts about a run that shrinking needs: the checker that failed (null: none), and the faults that
 * struck.
 */
export interface ShrinkableRun {
  readonly checker: string | null;
  readonly faults: readonly { readonly id: number }[];
}

export interface ShrinkOptions<T extends ShrinkableRun> {
  readonly plan: Plan;
  /** The failed run of the plan. */
  readonly failed: T;
  run(plan: Plan): T;
  /** Called before every run that `runsMax` allows. If it returns false, the shrinking ends. */
  goesOn(): boolean;
  readonly runsMax?: number;
}

export interface Shrunk<T> {
  /** The smallest plan found with which the run still fails. */
  readonly plan: Plan;
  /** The run of this plan. */
  readonly run: T;
  readonly runs: number;
  /** False: `runsMax` or `goesOn` ended the shrinking early. */
  readonly isMinimal: boolean;
}

const RUNS_MAX = 500;

export function shrink<T extends ShrinkableRun>(options: ShrinkOptions<T>): Shrunk<T> {
  return new Shrinking(options).shrink();
}

class Shrinking<T extends ShrinkableRun> {
  private readonly options: ShrinkOptions<T>;
  private readonly tried = new Set<string>();
  private plan: Plan;
  private best: T;
  private runs = 0;
  private isCutShort = false;

  constructor(options: ShrinkOptions<T>) {
    this.options = options;
    this.plan = options.plan;
    this.best = options.failed;
    this.tried.add(JSON.stringify(options.plan));
  }

  shrink(): Shrunk<T> {
    // Often the failure needs no fault at all, and one run shows that.
    if (!this.fails({ ...this.plan, incidents: [] })) this.leaveOutFaultsWithoutVictim();
    let before: Plan;
    do {
      before = this.plan;
      this.lessen(withoutAnIncident);
      this.leaveOutFaults();
      this.lessen(withShorterPhases);
      this.lessen(withLesserParameters);
      this.lessen(withLesserScenario);
    } while (this.plan !== before);
    return { plan: this.plan, run: this.best, runs: this.runs, isMinimal: !this.isCutShort };
  }

  /** Leaves out the planned faults that did not strike: they changed nothing. */
  private leaveOutFaultsWithoutVictim(): void {
    const struck = new Set(this.best.faults.map(({ id }) => id));
    this.fails(withFaults(this.plan, ({ id }) => struck.has(id)));
  }

  private leaveOutFaults(): void {
    for (let parts = 2; ; ) {
      const ids = faultsOf(this.plan).map(({ id }) => id);
      parts = Math.min(parts, ids.length);
      if (ids.length === 0) return;
      if (this.leaveOutPart(ids, parts)) parts = Math.max(2, parts - 1);
      else if (parts < ids.length) parts *= 2;
      else return;
    }
  }

  /**
   * Splits the faults into this many equal parts, and tries to leave out each part until the run fails
   * without it. Begins with the last part, because the run may have failed before those faults struck.
   * Returns whether it has left out a part.
   */
  private leaveOutPart(ids: readonly number[], parts: number): boolean {
    for (let part = parts - 1; part >= 0; part--) {
      const from = Math.floor((part * ids.length) / parts);
      const out = new Set(ids.slice(from, Math.floor(((part + 1) * ids.length) / parts)));
      if (this.fails(withFaults(this.plan, ({ id }) => !out.has(id)))) return true;
    }
    return false;
  }

  /**
   * Replaces the plan with the first of its smaller plans that still fails. Repeats this until no smaller
   * plan fails.
   */
  private lessen(lesser: (plan: Plan) => Iterable<Plan>): void {
    const once = () => [...lesser(this.plan)].some((plan) => this.fails(plan));
    while (once()) {}
  }

  /** Runs this plan. Returns true if the same checker fails; then the plan is the best one so far. */
  private fails(plan: Plan): boolean {
    const { failed, run, goesOn, runsMax = RUNS_MAX } = this.options;
    const text = JSON.stringify(plan);
    if (this.isCutShort || this.tried.has(text)) return false;
    if (this.runs >= runsMax || !goesOn()) {
      this.isCutShort = true;
      return false;
    }
    this.tried.add(text);
    this.runs++;
    const tried = run(plan);
    if (tried.checker !== failed.checker) return false;
    this.plan = plan;
    this.best = tried;
    return true;
  }
}
