/** Runs `millrace sim` in a process of its own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const main = join(import.meta.dirname, '../../src/main.ts');

function millrace(...args: string[]) {
  return spawnSync(process.execPath, [main, 'sim', ...args], { encoding: 'utf8' });
}

/**
 * Runs the command without shrinking, because these tests do not depend on whether the runs pass. Returns its
 * JSON.
 */
function json(...args: string[]) {
  return JSON.parse(millrace(...args, '--json', '--no-shrink').stdout);
}

test('the outcome of seeds does not depend on the number of processes', () => {
  const [one, three] = ['1', '3'].map((jobs) => json('--seeds', '30..33', '--jobs', jobs));
  expect(one.runs).toBe(4);
  const { violations, counts, events, virtualHours, crashes } = one;
  expect(three).toMatchObject({ violations, counts, events, virtualHours, crashes });
  expect(crashes).toEqual([]);
});

const dir = mkdtempSync(join(tmpdir(), 'millrace-sim-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('if a file has the plan that --print-plan prints, --plan gives the same run as the seed', () => {
  const file = join(dir, 'plan.json');
  const { stdout, status } = millrace('--seed', '20', '--print-plan');
  expect(status).toBe(0);
  writeFileSync(file, stdout);
  expect(json('--plan', file).hash).toBe(json('--seed', '20').hash);
});

test('a run without incidents prints its story and hash, exits with 0, and writes the same plan again', () => {
  const [file, again] = [join(dir, 'calm.json'), join(dir, 'again.json')];
  writeFileSync(file, '{"format":1,"seed":3,"overrides":{},"incidents":[]}');
  const { stdout, status } = millrace('--plan', file, '--plan-out', again);
  expect(stdout).toContain('is the active controller');
  expect(stdout).not.toContain('*** fault');
  expect(stdout).toMatch(/seed 3 passed, [\d.]+ s, \d+ events, hash [0-9a-f]{16}\n$/);
  expect(status).toBe(0);
  expect(JSON.parse(readFileSync(again, 'utf8'))).toEqual(JSON.parse(readFileSync(file, 'utf8')));
});

test('a plan with an unknown fault is refused, because without this fault the run could pass', () => {
  const file = join(dir, 'wrong.json');
  const fault = '{"id":1,"kind":"crush","atMs":0,"parameters":{}}';
  const incidents = `[{"quietMs":0,"lastsMs":1000,"faults":[${fault}]}]`;
  writeFileSync(file, `{"format":1,"seed":3,"overrides":{},"incidents":${incidents}}`);
  const { stdout, stderr, status } = millrace('--plan', file);
  expect(stderr).toMatch(
    /wrong\.json is not valid: incidents\[0\]\.faults\[0\]\.kind: "crush" is not allowed; expected one of slow-link, /,
  );
  expect([stdout, status]).toEqual(['', 1]);
});
