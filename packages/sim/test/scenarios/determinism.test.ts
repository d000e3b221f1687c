/**
 * Goal: a seed decides everything that happens in a run, in whatever process the run takes place. A plan with
 * only the faults that found a victim gives the same run.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { faultsOf, planOf, type RunReport, storyText, summaryOf, withFaults } from '../../src/index.ts';
import { simulateGuarded } from '../../src/io/index.ts';

/** Seeds of short runs, and the largest seed. */
const SEEDS = [5, 8, 20, 23, 4_294_967_295];
const main = join(import.meta.dirname, '../../../cli/src/main.ts');

const first = new Map<number, RunReport>();
function run(seed: number): RunReport {
  const report = first.get(seed) ?? simulateGuarded(planOf(seed));
  first.set(seed, report);
  return report;
}

test.each(SEEDS)('seed %i twice in this process is the same run', (seed) => {
  const again = simulateGuarded(planOf(seed));
  expect(summaryOf(again)).toEqual(summaryOf(run(seed)));
  expect(storyText(again, { verbose: true })).toBe(storyText(run(seed), { verbose: true }));
});

test.each(SEEDS.slice(0, 3))('seed %i in another process is the same run', async (seed) => {
  const args = [main, 'sim', '--seed', String(seed), '--json', '--no-shrink'];
  // The process exits with an error if the run fails. Only its output matters.
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error) => error);
  expect(JSON.parse(stdout)).toMatchObject(summaryOf(run(seed)));
});

test('other seeds are other runs', () => {
  expect(new Set(SEEDS.map((seed) => run(seed).hash)).size).toBe(SEEDS.length);
});

test('a plan with only the faults that struck is the same run; a plan without faults is another run', () => {
  const whole = SEEDS.map(run).find(({ plan, struck }) => faultsOf(plan).length > struck.length)!;
  const struck = new Set(whole.struck.map(({ planned }) => planned));
  expect(simulateGuarded(withFaults(whole.plan, (fault) => struck.has(fault))).hash).toBe(whole.hash);
  const calm = simulateGuarded(withFaults(whole.plan, () => false));
  expect(summaryOf(calm).faults).toEqual([]);
  expect(calm.hash).not.toBe(whole.hash);
});
