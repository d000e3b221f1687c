/**
 * Explains a failed run: the faults it needs, its story, the broken promise, and the command that replays it.
 */
import { type RunReport, type RunSummary, shrink, storyLines, summaryOf } from '@millrace/sim';

export interface FailureOptions {
  /** Runs the seed with only these faults. */
  readonly simulate: (seed: number, only: ReadonlySet<number>) => RunReport;
  readonly nowMs: () => number;
  /** Shrinking starts no run after this time; 0: no shrinking. */
  readonly shrinkMs: number;
}

export interface Failure {
  /** The original failure. */
  readonly summary: RunSummary;
  /** The same failure after shrinking. */
  readonly shortened: RunSummary;
  readonly report: RunReport;
  readonly runs: number;
  readonly isMinimal: boolean;
  readonly replay: string;
}

type Run = RunSummary & { readonly report: RunReport };

/** `only`: the faults of the run; undefined: all planned faults. */
export function failureOf(
  report: RunReport,
  only: readonly number[] | undefined,
  options: FailureOptions,
): Failure {
  const failed: Run = { ...summaryOf(report), report };
  const { seed } = report;
  if (options.shrinkMs === 0) {
    const replay = replayCommand(seed, only);
    return { summary: failed, shortened: failed, report, runs: 0, isMinimal: false, replay };
  }
  const untilMs = options.nowMs() + options.shrinkMs;
  const shrunk = shrink<Run>({
    failed,
    run(left) {
      const again = options.simulate(seed, left);
      return { ...summaryOf(again), report: again };
    },
    goesOn: () => options.nowMs() < untilMs,
  });
  const { run, runs, isMinimal } = shrunk;
  const replay = replayCommand(seed, shrunk.only);
  return { summary: failed, shortened: run, report: run.report, runs, isMinimal, replay };
}

export function replayCommand(seed: number, only: readonly number[] | undefined): string {
  const faults = only === undefined ? '' : ` --only ${only.length === 0 ? 'none' : only.join(',')}`;
  return `millrace sim --seed ${seed}${faults}`;
}

export interface FailureTextOptions {
  readonly verbose?: boolean | undefined;
  /** Prints this many lines of the end of the story; undefined: the whole story. */
  readonly storyLinesMax?: number;
}

export function failureText(failure: Failure, { verbose, storyLinesMax }: FailureTextOptions = {}): string {
  const { summary, shortened, report, runs, isMinimal, replay } = failure;
  const story = storyLines(report, { verbose });
  const left = story.length - (storyLinesMax ?? story.length);
  const told = left > 0 ? [story[0]!, `  … ${left} lines …`, ...story.slice(left)] : story;
  const lines = [...told, '', `seed ${summary.seed} VIOLATED ${summary.checker}: ${summary.sentence}`];
  if (runs > 0) {
    const of = `${shortened.faults.length} of its ${summary.faults.length} faults`;
    const how = isMinimal ? 'none of them can be left out' : 'there was no time to try all';
    lines.push(`It also fails with ${of} (${runs} runs tried, ${how}); the story above is of that run.`);
    if (shortened.sentence !== summary.sentence) lines.push(`That run says: ${shortened.sentence}`);
  }
  if (report.thrown instanceof Error) lines.push(report.thrown.stack ?? report.thrown.message);
  for (const { index, atSeconds, name, what } of shortened.faults)
    lines.push(`  fault ${index} at ${atSeconds.toFixed(3)} s: ${name}: ${what}`);
  lines.push(`hash ${shortened.hash}; replay it with: ${replay}`);
  return lines.join('\n');
}
