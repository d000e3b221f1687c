/** `millrace sim`: whole clusters on virtual time, one seed with its story, or many seeds over many processes. */
import { availableParallelism } from 'node:os';
import { summaryOf } from '@millrace/sim';
import { simulateGuarded } from '@millrace/sim/io';
import { Pool } from '../sim/pool.ts';
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

const PROGRESS_MS = 2_000;

export async function sim(options: SimOptions): Promise<void> {
  refuseContradictions(options);
  if (options.seed === undefined) await manySeeds(options);
  else oneSeed(options.seed, options);
}

export function simWorker(): Promise<void> {
  return serveSeeds();
}

function refuseContradictions(options: SimOptions): void {
  const { seed, seeds, minutes, only, jobs } = options;
  if (seed === undefined && seeds === undefined && minutes === undefined)
    throw new UserError('say which runs: --seed S, --seeds A..B or --minutes M');
  if (seed !== undefined && (seeds !== undefined || minutes !== undefined || jobs !== undefined))
    throw new UserError('--seed is one run: it goes without --seeds, --minutes and --jobs');
  if (only !== undefined && seed === undefined) throw new UserError('--only names faults of one --seed');
  if (seeds !== undefined && seeds.to === undefined && minutes === undefined)
    throw new UserError('--seeds A.. has no end: say --seeds A..B, or --minutes M');
}

function oneSeed(seed: number, options: SimOptions): void {
  const only = options.only === undefined ? undefined : new Set(options.only);
  const report = simulateGuarded({ seed, only });
  if (options.json) process.stdout.write(`${JSON.stringify(summaryOf(report))}\n`);
  else {
    process.stdout.write(`${report.story.text()}\n`);
    process.stdout.write(`seed ${seed}: ${report.verdict}, hash ${report.hash}\n`);
  }
  if (report.verdict === 'violated') process.exitCode = 1;
}

async function manySeeds(options: SimOptions): Promise<void> {
  const range = options.seeds ?? { from: 1, to: undefined };
  const total = range.to === undefined ? undefined : range.to - range.from + 1;
  const deadlineMs = performance.now() + (options.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  const tally = new Tally();
  const pool = new Pool({
    entry: process.argv[1] ?? '',
    jobs: Math.min(options.jobs ?? availableParallelism(), total ?? SEED_MAX),
    seeds: seedsOf(range),
    goesOn: () => performance.now() < deadlineMs,
    done: (outcome) => {
      tally.add(outcome);
      const { seed, summary, crash } = outcome;
      if (summary?.verdict === 'violated')
        process.stderr.write(`seed ${seed}: ${summary.checker}: ${firstLine(summary.sentence ?? '')}\n`);
      else if (crash !== undefined) process.stderr.write(`seed ${seed}: crashed: ${crash}\n`);
    },
  });
  const progress = setInterval(() => process.stderr.write(`${tally.progress(total)}\n`), PROGRESS_MS);
  const interrupted = () => pool.stop();
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  await pool.run();
  clearInterval(progress);
  process.stdout.write(`${tally.text()}\n`);
  if (tally.failed > 0) process.exitCode = 1;
}
