/**
 * `millrace sim`: simulates clusters on virtual time. Does one run and prints its story, or does the runs of
 * many seeds in several processes.
 */
import { availableParallelism } from 'node:os';
import {
  type Plan,
  planOf,
  planText,
  type RunReport,
  type RunSummary,
  storyText,
  summaryOf,
} from '@millrace/sim';
import { simulateGuarded } from '@millrace/sim/io';
import { type Failure, type FailureOptions, failureOf, failureText } from '../sim/failure.ts';
import type { Outcome } from '../sim/outcome.ts';
import { readPlan, writePlan } from '../sim/plan-file.ts';
import { Pool } from '../sim/pool.ts';
import { Progress } from '../sim/progress.ts';
import { SEED_MAX, type SeedRange, seedsOf } from '../sim/seeds.ts';
import { firstLine, Tally } from '../sim/tally.ts';
import { serveSeeds } from '../sim/worker.ts';
import { UserError } from '../user-error.ts';

export interface SimOptions {
  readonly seed?: number;
  readonly seeds?: SeedRange;
  readonly minutes?: number;
  readonly jobs?: number;
  readonly plan?: string;
  readonly planOut?: string;
  readonly printPlan?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly shrink?: boolean;
}

const SHRINK_MS = 90_000;
/** The command explains at most this many failures, and at most one failure for each checker. */
const EXPLAINED_MAX = 3;
const EXPLAINED_LINES_MAX = 60;
/** The exit code of an interrupted command, as shells set it. */
const INTERRUPTED = 130;

export async function sim(options: SimOptions): Promise<void> {
  refuseContradictions(options);
  const { seed, plan: file, printPlan } = options;
  const plan = file !== undefined ? readPlan(file) : seed !== undefined ? planOf(seed) : undefined;
  if (plan === undefined) await manySeeds(options);
  else if (printPlan) print(planText(plan));
  else oneRun(plan, options);
}

export function simWorker(): Promise<void> {
  if (process.send === undefined)
    throw new UserError('sim-worker is an internal command of `millrace sim --seeds`');
  return serveSeeds();
}

function refuseContradictions(options: SimOptions): void {
  const { seed, seeds, minutes, plan, planOut, printPlan, jobs } = options;
  const isMany = seeds !== undefined || minutes !== undefined;
  if (seed === undefined && plan === undefined && !isMany)
    throw new UserError('no runs given: use --seed S, --plan FILE, --seeds A..B or --minutes M');
  if (seed !== undefined && plan !== undefined)
    throw new UserError('--plan has a seed of its own: do not combine it with --seed');
  if ((seed !== undefined || plan !== undefined) && (isMany || jobs !== undefined))
    throw new UserError(
      '--seed and --plan are one run: do not combine them with --seeds, --minutes or --jobs',
    );
  if (printPlan === true && seed === undefined)
    throw new UserError('--print-plan prints the plan of a seed: use it with --seed');
  if (planOut !== undefined && isMany)
    throw new UserError('--plan-out writes the plan of one run: use it with --seed or --plan');
  if (seeds !== undefined && seeds.to === undefined && minutes === undefined)
    throw new UserError('--seeds A.. has no end: use --seeds A..B, or add --minutes M');
}

function oneRun(plan: Plan, options: SimOptions): void {
  const { planOut, json, verbose } = options;
  const report = simulateGuarded(plan);
  const { seed } = plan;
  if (report.verdict === 'passed') {
    if (planOut !== undefined) writePlan(planOut, plan);
    if (json) printJson(summaryOf(report));
    else
      print(
        `${storyText(report, { verbose })}\n\nseed ${seed} passed, ${worth(report)}, hash ${report.hash}`,
      );
    return;
  }
  process.exitCode = 1;
  const failure = failureOf(report, failureOptions(options.shrink !== false));
  if (planOut !== undefined) writePlan(planOut, failure.report.plan);
  if (!json) print(failureText(failure, { verbose, planFile: planOut ?? unchanged(options, failure) }));
  else {
    const { hash, sentence } = failure.shortened;
    const shortened = { plan: failure.report.plan, hash, sentence };
    printJson({ ...summaryOf(report), ...(failure.runs > 0 ? { shortened } : {}) });
  }
}

/**
 * The file that --plan names, if the failure is still that of this file's plan: the command has tried no
 * smaller plan.
 */
function unchanged({ plan }: SimOptions, { runs }: Failure): string | undefined {
  return runs === 0 ? plan : undefined;
}

async function manySeeds(options: SimOptions): Promise<void> {
  const range = options.seeds ?? { from: 1, to: undefined };
  const total = range.to === undefined ? undefined : range.to - range.from + 1;
  const deadlineMs = performance.now() + (options.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  const tally = new Tally();
  const progress = new Progress(() => tally.progress(total));
  const pool = new Pool({
    entry: process.argv[1] ?? '',
    jobs: Math.min(options.jobs ?? availableParallelism(), total ?? SEED_MAX),
    seeds: seedsOf(range),
    goesOn: () => performance.now() < deadlineMs,
    done: (outcome) => {
      tally.add(outcome);
      const sentence = complaint(outcome);
      if (sentence !== undefined) progress.say(sentence);
    },
  });
  let isInterrupted = false;
  const interrupted = () => {
    isInterrupted = true;
    pool.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupted);
  await pool.run();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted);
  progress.end();
  if (options.json) printJson(tally.json());
  else {
    if (!isInterrupted && options.shrink !== false) explain(tally.examples(EXPLAINED_MAX), options);
    print(tally.text());
  }
  if (tally.failed > 0) process.exitCode = 1;
  else if (isInterrupted) process.exitCode = INTERRUPTED;
  else if (tally.runs === 0) throw new UserError('no run ended in this time');
}

/**
 * Runs these failures again, in this process, and prints the smallest failing plans that it finds. Ctrl-C
 * ends the command at once.
 */
function explain(examples: readonly RunSummary[], options: SimOptions): void {
  for (const { seed } of examples) {
    const failure = failureOf(simulateGuarded(planOf(seed)), failureOptions(true));
    const text = failureText(failure, {
      verbose: options.verbose,
      storyLinesMax: EXPLAINED_LINES_MAX,
    });
    print(`${text}\n`);
  }
}

function failureOptions(shrinks: boolean): FailureOptions {
  return { simulate: simulateGuarded, nowMs: () => performance.now(), shrinkMs: shrinks ? SHRINK_MS : 0 };
}

function complaint({ seed, summary, crash }: Outcome): string | undefined {
  if (crash !== undefined) return `seed ${seed}: crashed: ${crash}`;
  if (summary?.verdict !== 'violated') return undefined;
  return `seed ${seed}: ${summary.checker}: ${firstLine(summary.sentence ?? '')}`;
}

function worth({ virtualUs, events }: RunReport): string {
  return `${(virtualUs / 1e6).toFixed(1)} s, ${events} events`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printJson(object: unknown): void {
  print(JSON.stringify(object));
}
