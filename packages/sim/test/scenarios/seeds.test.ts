/**
 * The seeds of `npm test`: every promise holds in each of them, and together they reach every item of
 * coverage. They run as in `millrace sim --seeds`: guarded, in two processes.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { missingCoverage } from '../../src/index.ts';

/** Chosen so that they reach every item; change the range when a change of the product changes the runs. */
const SEEDS = { first: 26, last: 80 };
const MAIN = join(import.meta.dirname, '../../../cli/src/main.ts');
const ANSWER_BYTES_MAX = 64 << 20;

interface Answer {
  readonly runs: number;
  readonly violations: readonly { seed: number; checker: string; sentence: string }[];
  readonly crashes: readonly { seed: number; crash: string }[];
  readonly counts: Readonly<Record<string, number>>;
}

function runSeeds(seeds: string): Promise<Answer> {
  const args = [MAIN, 'sim', '--seeds', seeds, '--jobs', '2', '--no-shrink', '--json'];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { maxBuffer: ANSWER_BYTES_MAX }, (error, stdout, stderr) => {
      // A failed run exits with 1 but still prints its answer.
      if (stdout.startsWith('{')) resolve(JSON.parse(stdout) as Answer);
      else reject(new Error(`millrace sim did not answer: ${error?.message}\n${stderr}`));
    });
  });
}

test(`seeds ${SEEDS.first} to ${SEEDS.last} break no promise, and reach every item of coverage`, async () => {
  const { runs, violations, crashes, counts } = await runSeeds(`${SEEDS.first}..${SEEDS.last}`);
  const failures = [
    ...violations.map(({ seed, checker, sentence }) => ({ seed, what: `${checker}: ${sentence}` })),
    ...crashes.map(({ seed, crash }) => ({ seed, what: `crashed: ${crash}` })),
  ];
  expect(
    failures.map(
      ({ seed, what }) => `seed ${seed}: ${what}; replay it with: npx millrace sim --seed ${seed}`,
    ),
  ).toEqual([]);
  expect(runs).toBe(SEEDS.last - SEEDS.first + 1);
  expect(missingCoverage(new Map(Object.entries(counts)))).toEqual([]);
}, 600_000);
