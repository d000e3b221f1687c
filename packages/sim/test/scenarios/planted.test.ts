/**
 * Goal: the patches of the planted bugs still apply as the code changes, and checkers find the bugs. Method:
 * apply every patch to the current source; run the quickest bugs in processes of their own, as `npm run
 * sim:planted` runs all of them.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { plant } from '@millrace/base/testing';
import { describe, expect, test } from 'vitest';
import { bugs } from '../../planted/bugs/index.ts';
import type { PlantedBug } from '../../planted/patch.ts';
import { runChild } from '../../planted/process.ts';
import { checkerKinds } from '../../src/checkers/index.ts';

const root = join(import.meta.dirname, '..', '..', '..', '..');
/** The simulator fails a run under this name when an assertion in a process fails. */
const ASSERTIONS = 'broken-invariant';
/** The prober fails under this name; no checker has it. */
const WRONG_ERROR = 'wrong-error';
/** The run fails under this name; no checker has it. */
const GROUP_BEHIND = 'group-behind';
/** The run fails under this name; no checker has it. */
const GROUP_UNSETTLED = 'group-unsettled';
// `npm run sim:planted` allows a thousand runs; this test must be quick.
const RUNS_MAX = 100;

function bugNamed(name: string): PlantedBug {
  return bugs.find((bug) => bug.name === name)!;
}

test('there are at least twenty-four planted bugs, with unique names', () => {
  expect(bugs.length).toBeGreaterThanOrEqual(24);
  expect(new Set(bugs.map(({ name }) => name)).size).toBe(bugs.length);
});

describe.each(bugs)('$name', (bug) => {
  test('replaces one line of its file', () => {
    const source = readFileSync(join(root, bug.file), 'utf8');
    const planted = plant(bug, source);
    const before = source.split('\n');
    const changed = planted.split('\n').filter((line, index) => line !== before[index]);
    expect(changed.map((line) => line.trim())).toEqual([bug.replace]);
    // The result must still be a program.
    stripTypeScriptTypes(planted);
  });

  test('names existing checkers', () => {
    const ofRun = [ASSERTIONS, WRONG_ERROR, GROUP_BEHIND, GROUP_UNSETTLED];
    const known = [...checkerKinds.map(({ name }) => name), ...ofRun];
    expect(bug.expectedCheckers.length).toBeGreaterThan(0);
    expect(known).toEqual(expect.arrayContaining([...bug.expectedCheckers]));
  });
});

test('`plant` throws with the name of a bug whose line is missing or duplicate', () => {
  const bug = { ...bugNamed('ack-before-isr'), find: 'let x = 1;', replace: 'let x = 2;' };
  expect(() => plant(bug, '')).toThrow(/ack-before-isr.* 0 times/);
  expect(() => plant(bug, 'let x = 1;\n  let x = 1;')).toThrow(/ack-before-isr.* 2 times/);
  expect(plant(bug, '{\n  let x = 1;\n}')).toBe('{\n  let x = 2;\n}');
});

/**
 * Each bug, and the first seed to try. This seed is close to one that finds the bug, so that the test is
 * quick. `npm run sim:planted` begins at seed 1. A bug that names a plan runs only this plan.
 */
test.each([
  ['fetch-above-high-watermark', 1],
  ['ack-before-isr', 13],
  ['metadata-out-of-order', 1],
  ['index-read-after-write', 1],
  ['failed-sync-untold', 3],
  ['settings-before-assignment', 1],
])('%s is found', async (name, from) => {
  const { found } = await runChild(bugNamed(name), { from, to: RUNS_MAX, step: 1 });
  expect(bugNamed(name).expectedCheckers).toContain(found?.checker);
  // The arrow of the story points to the loss of the record.
  if (found?.checker === 'lost-write') expect(found.origin).toMatch(/→[bn]\d+ +(TRUNCATES|leads) /);
});
