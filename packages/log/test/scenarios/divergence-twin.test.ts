/**
 * Goal: a log never joins records of two leaders' histories, whatever a power loss undoes. Method: random
 * runs of a follower whose leaders disagree. Planted bugs, each in a process of its own, show that the twin
 * finds such errors.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { plant } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { playDivergence } from '../support/divergence-twin.ts';
import { divergenceBugs } from '../support/planted-bugs.ts';

/** FUZZ_RUNS=20000 for a long hunt. */
const SEEDS = Number(process.env['FUZZ_RUNS'] ?? 400);
const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
const CHILD = join(import.meta.dirname, '..', 'support', 'planted-twin.ts');

test('a power loss never mixes records from before and after a truncation', { timeout: 600_000 }, () => {
  const failed: string[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      playDivergence(seed);
    } catch (error) {
      failed.push(`seed ${seed}: ${(error as Error).message}`);
    }
  }
  expect(failed).toEqual([]);
});

test.each(divergenceBugs)('$name: $sentence', { timeout: 120_000 }, (bug) => {
  expect(plant(bug, readFileSync(join(ROOT, bug.file), 'utf8'))).toContain(bug.replace);
  const env = { ...process.env, PLANTED_BUG: bug.name };
  const { stdout, stderr } = spawnSync(process.execPath, [CHILD, '400'], { env, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toMatch(bug.says);
});
