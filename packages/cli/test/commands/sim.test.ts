/** `millrace sim` as a process. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const main = join(import.meta.dirname, '../../src/main.ts');

function millrace(...args: string[]) {
  return spawnSync(process.execPath, [main, 'sim', ...args], { encoding: 'utf8' });
}

/** These tests do not need shrinking: it does not matter whether the runs pass. */
function json(...args: string[]) {
  return JSON.parse(millrace(...args, '--json', '--no-shrink').stdout);
}

test('the outcome of seeds does not depend on the number of processes', () => {
  const [one, three] = ['1', '3'].map((jobs) => json('--seeds', '1..4', '--jobs', jobs));
  expect(one.runs).toBe(4);
  const { violations, counts, events, virtualHours, crashes } = one;
  expect(three).toMatchObject({ violations, counts, events, virtualHours, crashes });
  expect(crashes).toEqual([]);
});

test('a run without its faults: its story, its hash, exit code 0', () => {
  const { stdout, status } = millrace('--seed', '3', '--only', 'none');
  expect(stdout).toContain('is the active controller');
  expect(stdout).not.toContain('*** fault');
  expect(stdout).toMatch(/seed 3 passed, [\d.]+ s, \d+ events, hash [0-9a-f]{16}\n$/);
  expect(status).toBe(0);
});

test('faults that the seed does not plan are refused: a run without them would look fixed', () => {
  const { stdout, stderr, status } = millrace('--seed', '3', '--only', '0,99');
  expect(stderr).toMatch(/--only 99: seed 3 plans \d+ faults, with indices up to \d+/);
  expect([stdout, status]).toEqual(['', 1]);
});
