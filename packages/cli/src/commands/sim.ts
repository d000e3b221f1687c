/**
 * `millrace sim`: whole clusters on virtual time, one seed with its story, or many seeds over many processes.
 */
import { availableParallelism } from 'node:os';
import { type RunReport, type RunSummary, storyText, summaryOf } from '@millrace/sim';
import { simulateGuarded } from '@millrace/sim/io';
import { type FailureOptions, failureOf, failureText } from '../sim/failure.ts';
import type { Outcome } from '../sim/outcome.ts';
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
  readonly only?: readonly number[];
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly shrink?: boolean;
}

const SHRINK_MS = 60_000;
/** The command explains at most this many failures, at most one of each checker. */
const EXPLAINED_MAX = 3;
const EXPLAINED_LINES_MAX = 60;
/** The exit code of an interrupted command, as shells set it. */
const INTERRUPTED = 130;

export async function sim(options: SimOptions): Promise<void> {
  refuseContradictions(options);
  if (options.seed === undefined) await manySeeds(options);
  else oneSeed(options.seed, options);
}

export function simWorker(): Promise<void> {
  if (process.send === undefined)
    throw new UserError('sim-worker is an internal command of `millrace sim --seeds`');
  return serveSeeds();
}

function refuseContradictions(options: SimOptions): void {
  const { seed, seeds, minutes, only, jobs } = options;
  if (seed === undefined && seeds === undefined && minutes === undefined)
    throw new UserError('no runs given: use --seed S, --seeds A..B or --minutes M');
  if (seed !== undefined && (seeds !== undefined || minutes !== undefined || jobs !== undefined))
    throw new UserError('--seed is one run: do not combine it with --seeds, --minutes or --jobs');
  if (only !== undefined && seed === undefined)
    throw new UserError('--only names faults of one run: use it with --seed');
  if (seeds !== undefined && seeds.to === undefined && minutes === undefined)
    throw new UserError('--seeds A.. has no end: use --seeds A..B, or add --minutes M');
}

function oneSeed(seed: number, options: SimOptions): void {
  const { only, json, verbose } = options;
  const report = runAgain(seed, only === undefined ? undefined : new Set(only));
  refuseUnplanned(seed, only ?? [], report);
  if (report.verdict === 'passed') {
    if (json) printJson(summaryOf(report));
    else
      print(
        `${storyText(report, { verbose })}\n\nseed ${seed} passed, ${worth(report)}, hash ${report.hash}`,
      );
    return;
  }
  process.exitCode = 1;
  // The command does not shrink a run with hand-picked faults.
  const failure = failureOf(report, only, failureOptions(options.shrink !== false && only === undefined));
  const { shortened, replay } = failure;
  if (!json) print(failureText(failure, { verbose }));
  else {
    const { hash, sentence, faults } = shortened;
    const short = { only: faults.map(({ index }) => index), hash, sentence };
    printJson({ ...summaryOf(report), ...(failure.runs > 0 ? { shortened: short } : {}), replay });
  }
}

/**
 * Refuses faults that the plan does not have: a run without the intended faults would look like a fixed bug.
 */
function refuseUnplanned(seed: number, only: readonly number[], { plan }: RunReport): void {
  const indices = plan.map(({ id }) => id);
  const unplanned = only.filter((index) => !indices.includes(index));
  if (unplanned.length === 0) return;
  const last = Math.max(...indices);
  throw new UserError(
    `--only ${unplanned.join(',')}: seed ${seed} plans ${indices.length} faults, with indices up to ${last}`,
  );
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
 * Runs the first failures again, in this process, and prints the faults that they need. A Ctrl-C ends it at
 * once.
 */
function explain(examples: readonly RunSummary[], options: SimOptions): void {
  for (const { seed } of examples) {
    const failure = failureOf(runAgain(seed, undefined), undefined, failureOptions(true));
    const text = failureText(failure, {
      verbose: options.verbose,
      storyLinesMax: EXPLAINED_LINES_MAX,
    });
    print(`${text}\n`);
  }
}

function failureOptions(shrinks: boolean): FailureOptions {
  return { simulate: runAgain, nowMs: () => performance.now(), shrinkMs: shrinks ? SHRINK_MS : 0 };
}

function runAgain(seed: number, only: ReadonlySet<number> | undefined): RunReport {
  return simulateGuarded({ seed, only });
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
