/**
 * Shrinks a failing run: leaves out planned faults as long as the same checker still fails. First larger
 * parts, then single faults (delta debugging). Owns no clock: the caller decides when to stop.
 */

/** The facts about a run for shrinking: the failed checker, and the faults that struck. */
export interface ShrinkableRun {
  readonly checker: string | null;
  readonly faults: readonly { readonly index: number }[];
}

export interface ShrinkOptions<T extends ShrinkableRun> {
  /** The failed run with every fault. */
  readonly failed: T;
  /** Runs the seed again with only these faults. */
  run(only: ReadonlySet<number>): T;
  /** Called before every run. False ends the shrinking. */
  goesOn(): boolean;
  readonly runsMax?: number;
}

export interface Shrunk<T> {
  /** Indices of the faults that are left, ascending: with these alone the run still fails. */
  readonly only: readonly number[];
  /** The run with these faults. */
  readonly run: T;
  readonly runs: number;
  /** False: there was no time to try all. */
  readonly isMinimal: boolean;
}

const RUNS_MAX = 200;

export function shrink<T extends ShrinkableRun>(options: ShrinkOptions<T>): Shrunk<T> {
  return new Shrinking(options).shrink();
}

class Shrinking<T extends ShrinkableRun> {
  private readonly options: ShrinkOptions<T>;
  private only: readonly number[];
  private best: T;
  private runs = 0;
  private isCutShort = false;

  constructor(options: ShrinkOptions<T>) {
    this.options = options;
    // Faults without a victim changed nothing.
    this.only = indicesOf(options.failed);
    this.best = options.failed;
  }

  shrink(): Shrunk<T> {
    // Often the failure needs no fault at all, and one run shows that.
    if (!this.fails([])) {
      let parts = 2;
      while (this.only.length > 1 && !this.isCutShort) {
        parts = Math.min(parts, this.only.length);
        if (this.leaveOutPart(parts)) parts = Math.max(2, parts - 1);
        else if (parts < this.only.length) parts *= 2;
        else break;
      }
    }
    return { only: this.only, run: this.best, runs: this.runs, isMinimal: !this.isCutShort };
  }

  /** Tries to leave out one of this many equal parts; the last ones first, because the run ended there. */
  private leaveOutPart(parts: number): boolean {
    const { only } = this;
    for (let part = parts - 1; part >= 0; part--) {
      const from = Math.floor((part * only.length) / parts);
      const to = Math.floor(((part + 1) * only.length) / parts);
      if (this.fails([...only.slice(0, from), ...only.slice(to)])) return true;
    }
    return false;
  }

  /** True: the run still fails, and these faults (or fewer, if some did not strike) are left. */
  private fails(only: readonly number[]): boolean {
    const { failed, run, goesOn, runsMax = RUNS_MAX } = this.options;
    if (this.isCutShort) return false;
    if (this.runs >= runsMax || !goesOn()) {
      this.isCutShort = true;
      return false;
    }
    this.runs++;
    const tried = run(new Set(only));
    if (tried.checker !== failed.checker) return false;
    this.only = indicesOf(tried);
    this.best = tried;
    return true;
  }
}

function indicesOf(run: ShrinkableRun): number[] {
  return run.faults.map(({ index }) => index);
}
