/**
 * Explains a failed run: the smallest plan found that still fails, its story, the broken promise, and the
 * command that replays this plan.
 */
import {
  type Plan,
  planText,
  type RunReport,
  type RunSummary,
  shrink,
  storyLines,
  summaryOf,
} from '@millrace/sim';

export interface FailureOptions {
  readonly simulate: (plan: Plan) => RunReport;
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
}

type Run = RunSummary & { readonly report: RunReport };

export function failureOf(report: RunReport, options: FailureOptions): Failure {
  const failed: Run = { ...summaryOf(report), report };
  if (options.shrinkMs === 0)
    return { summary: failed, shortened: failed, report, runs: 0, isMinimal: false };
  const untilMs = options.nowMs() + options.shrinkMs;
  const { run, runs, isMinimal } = shrink<Run>({
    plan: report.plan,
    failed,
    run(plan) {
      const again = options.simulate(plan);
      return { ...summaryOf(again), report: again };
    },
    goesOn: () => options.nowMs() < untilMs,
  });
  return { summary: failed, shortened: run, report: run.report, runs, isMinimal };
}

export interface FailureTextOptions {
  readonly verbose?: boolean | undefined;
  /** Prints the first line of the story, and this many lines at its end. Undefined: prints all lines. */
  readonly storyLinesMax?: number;
  /** A file that has the plan of the story; undefined: no file has it. */
  readonly planFile?: string | undefined;
}

export function failureText(failure: Failure, options: FailureTextOptions = {}): string {
  const { verbose, storyLinesMax } = options;
  const { summary, shortened, report, runs, isMinimal } = failure;
  const story = storyLines(report, { verbose });
  const left = story.length - (storyLinesMax ?? story.length);
  const told = left > 0 ? [story[0]!, `  … ${left} lines …`, ...story.slice(left)] : story;
  const lines = [...told, '', `seed ${summary.seed} VIOLATED ${summary.checker}: ${summary.sentence}`];
  if (runs > 0) {
    const how = isMinimal
      ? 'nothing else can be removed or reduced'
      : 'the time was over before all was tried';
    lines.push(
      `It also fails with ${sizeOf(failure)} (${runs} runs tried, ${how}); the story above is of that run.`,
    );
    if (shortened.sentence !== summary.sentence) lines.push(`That run says: ${shortened.sentence}`);
  }
  if (report.thrown instanceof Error) lines.push(report.thrown.stack ?? report.thrown.message);
  for (const { id, atSeconds, name, what } of shortened.faults)
    lines.push(`  fault ${id} at ${atSeconds.toFixed(3)} s: ${name}: ${what}`);
  lines.push(`hash ${shortened.hash}; ${replayText(failure, options.planFile)}`);
  return lines.join('\n');
}

/** For example `2 of its 12 faults, in 1 incident`. */
function sizeOf({ summary, shortened, report }: Failure): string {
  const { incidents } = report.plan;
  const faults = `${shortened.faults.length} of its ${summary.faults.length} faults`;
  return `${faults}, in ${incidents.length === 1 ? '1 incident' : `${incidents.length} incidents`}`;
}

function replayText({ report, runs }: Failure, planFile: string | undefined): string {
  const { plan } = report;
  if (planFile !== undefined) return `replay it with: millrace sim --plan ${planFile}`;
  if (runs === 0) return `replay it with: millrace sim --seed ${plan.seed}`;
  return `save this plan as plan.json and replay it with: millrace sim --plan plan.json\n${planText(plan)}`;
}
