/**
 * Goal: a seed decides everything, in one process and in another, and leaving out some of its faults does not
 * change the others.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { type RunReport, storyText, summaryOf } from '../../src/index.ts';
import { simulateGuarded } from '../../src/io/index.ts';

const SEEDS = [1, 2, 3, 12, 4_294_967_295];
const main = join(import.meta.dirname, '../../../cli/src/main.ts');

const first = new Map<number, RunReport>();
function run(seed: number): RunReport {
  const report = first.get(seed) ?? simulateGuarded({ seed });
  first.set(seed, report);
  return report;
}

test.each(SEEDS)('seed %i twice in this process is the same run', (seed) => {
  const again = simulateGuarded({ seed });
  expect(summaryOf(again)).toEqual(summaryOf(run(seed)));
  expect(storyText(again, { verbose: true })).toBe(storyText(run(seed), { verbose: true }));
});

test.each(SEEDS.slice(0, 3))('seed %i in another process is the same run', async (seed) => {
  const args = [main, 'sim', '--seed', String(seed), '--json', '--no-shrink'];
  // The run may fail; only its hash matters.
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error) => error);
  expect(JSON.parse(stdout)).toMatchObject(summaryOf(run(seed)));
});

test('other seeds are other runs', () => {
  expect(new Set(SEEDS.map((seed) => run(seed).hash)).size).toBe(SEEDS.length);
});

test('with only the faults that struck it is the same run, and without them the plan stays the same', () => {
  const whole = SEEDS.map(run).find((report) => summaryOf(report).faults.length > 2)!;
  const { seed } = whole;
  const struck = new Set(summaryOf(whole).faults.map(({ index }) => index));
  expect(simulateGuarded({ seed, only: struck }).hash).toBe(whole.hash);
  const calm = simulateGuarded({ seed, only: new Set() });
  expect(calm.plan).toEqual(whole.plan);
  expect(summaryOf(calm).faults).toEqual([]);
  expect(calm.hash).not.toBe(whole.hash);
});
