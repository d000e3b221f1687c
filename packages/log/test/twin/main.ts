/**
 * `npm run sim:log`: plays seeds of the twin of a log. If a seed fails, makes its plan shorter, and prints
 * the shortest plan that still fails.
 *
 *   --seeds A..B   these seeds (default 1..200000)
 *   --jobs N       N processes (default 2)
 *   --plan TEXT    plays this plan instead, with the first of the seeds, in this process
 *   --planted      plants each bug of planted-bugs.ts, and prints the first seed that finds it
 *
 * Exit code 1: a seed failed, a planted bug was not found, or an option is invalid.
 */
import { parseArgs } from 'node:util';
import { planFrom, planOf, shrink, textOf } from './plan.ts';
import { logBugs } from './planted-bugs.ts';
import { failureOf } from './play.ts';
import { runChild } from './run-child.ts';

/** One process plays this many seeds between two looks at the others. */
const SLICE = 1000;
/** The most seeds that a planted bug gets. */
const PLANTED_SEEDS = 2000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1..200000' },
    jobs: { type: 'string', default: '2' },
    plan: { type: 'string' },
    planted: { type: 'boolean', default: false },
  },
});
const [, first = '', last = ''] = /^(\d+)\.\.(\d+)$/.exec(values.seeds) ?? [];
const [from, to, jobs] = [Number(first), Number(last), Number(values.jobs)];
if (first === '' || from > to || !Number.isSafeInteger(jobs) || jobs < 1) {
  process.stderr.write('sim:log: --seeds takes A..B, for example 1..5000, and --jobs a number\n');
  process.exit(1);
}

if (values.plan !== undefined) playPlan(values.plan);
else if (values.planted) await playPlanted();
else await playSeeds();

function playPlan(text: string): void {
  const message = failureOf(from, planFrom(text));
  process.stdout.write(`${message ?? 'the plan passes'}\n`);
  process.exitCode = message === undefined ? 0 : 1;
}

async function playSeeds(): Promise<void> {
  const began = performance.now();
  let next = from;
  let failed: number | undefined;
  const work = async (): Promise<void> => {
    while (next <= to && failed === undefined) {
      const slice = { from: next, to: Math.min(to, next + SLICE - 1), step: 1 };
      next = slice.to + 1;
      const { failure } = await runChild('', slice);
      if (failure !== null) failed = Math.min(failure.seed, failed ?? failure.seed);
      process.stderr.write(`sim:log: seeds up to ${slice.to}\n`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  if (failed === undefined) {
    process.stdout.write(`sim:log: ${to - from + 1} seeds pass, ${seconds} s\n`);
    return;
  }
  process.exitCode = 1;
  const seed = failed;
  process.stdout.write(`sim:log: seed ${seed} fails: ${failureOf(seed)}\n`);
  const plan = shrink(planOf(seed), (shorter) => failureOf(seed, shorter) !== undefined);
  process.stdout.write(`the shortest plan that fails: ${failureOf(seed, plan)}\n`);
  process.stdout.write(`  npm run sim:log -- --seeds ${seed}..${seed} --plan '${textOf(plan)}'\n`);
}

async function playPlanted(): Promise<void> {
  const waiting = [...logBugs];
  const work = async (): Promise<void> => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const { failure } = await runChild(bug.name, { from: 1, to: PLANTED_SEEDS, step: 1 });
      if (failure === null) process.exitCode = 1;
      const found = failure === null ? 'is not found' : `seed ${failure.seed}: ${failure.message}`;
      process.stdout.write(`${bug.name}: ${bug.sentence}\n  ${found}\n`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
}
