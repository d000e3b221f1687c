/**
 * Goal: every promise holds in the seeds and the plans of `npm test`, and together they reach every item of
 * coverage. Method: the seeds and the plans run as with `millrace sim --seeds`: guarded, in two processes.
 */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { missingCoverage, type RunSummary } from '../../src/index.ts';
import { coverage } from '../support/product-sources.ts';

/**
 * Chosen so that they and the plans reach every item. Change the range, or add a plan, when a change of the
 * product changes the runs.
 */
const SEEDS = { first: 218, last: 236 };
/** Plans that each reach an item that few runs reach, or find a planted bug. */
const PLANS = join(import.meta.dirname, 'plans');
const MAIN = join(import.meta.dirname, '../../../cli/src/main.ts');
const ANSWER_BYTES_MAX = 64 << 20;

interface Answer {
  readonly runs: number;
  readonly violations: readonly { seed: number; checker: string; sentence: string }[];
  readonly crashes: readonly { seed: number; crash: string }[];
  readonly counts: Readonly<Record<string, number>>;
}

function millraceSim<T>(...args: string[]): Promise<T> {
  return new Promise((resolve, reject) => {
    const all = [MAIN, 'sim', ...args, '--no-shrink', '--json'];
    execFile(process.execPath, all, { maxBuffer: ANSWER_BYTES_MAX }, (error, stdout, stderr) => {
      // A failed run exits with 1 but still prints its answer.
      if (stdout.startsWith('{')) resolve(JSON.parse(stdout) as T);
      else reject(new Error(`millrace sim did not answer: ${error?.message}\n${stderr}`));
    });
  });
}

/** Calls `run` with each item, for two items at the same time. */
async function inTwoProcesses<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lane = async () => {
    for (const item of rest) await run(item);
  };
  await Promise.all([lane(), lane()]);
}

test(`seeds ${SEEDS.first} to ${SEEDS.last} and the plans break no promise, and reach every item of coverage`, async () => {
  const range = `${SEEDS.first}..${SEEDS.last}`;
  const { runs, violations, crashes, counts } = await millraceSim<Answer>('--seeds', range, '--jobs', '2');
  const failures = [
    ...violations.map(({ seed, checker, sentence }) => ({
      run: `--seed ${seed}`,
      what: `${checker}: ${sentence}`,
    })),
    ...crashes.map(({ seed, crash }) => ({ run: `--seed ${seed}`, what: `crashed: ${crash}` })),
  ];
  const allCounts = Object.entries(counts);
  await inTwoProcesses(readdirSync(PLANS), async (file) => {
    const plan = join(PLANS, file);
    const { checker, sentence, counts } = await millraceSim<RunSummary>('--plan', plan);
    if (checker !== null) failures.push({ run: `--plan ${plan}`, what: `${checker}: ${sentence}` });
    allCounts.push(...Object.entries(counts));
  });
  expect(failures.map(({ run, what }) => `${what}; replay it with: npx millrace sim ${run}`)).toEqual([]);
  expect(runs).toBe(SEEDS.last - SEEDS.first + 1);
  expect(missingCoverage(coverage, new Map(allCounts))).toEqual([]);
}, 600_000);
