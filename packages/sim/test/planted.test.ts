/**
 * Goal: the planted bugs stay plantable as the code changes, and checkers find them. Method: every patch is
 * applied to the source of today; the quickest bugs are run in processes of their own, as
 * `npm run sim:planted` runs all of them.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bugs } from '../planted/bugs.ts';
import { type PlantedBug, plant } from '../planted/patch.ts';
import { runChild } from '../planted/process.ts';
import { checkerKinds } from '../src/checkers/index.ts';

const root = join(import.meta.dirname, '..', '..', '..');
/** What a process that breaks an assertion of its own is reported as. */
const ASSERTIONS = 'broken-invariant';
/** Found by the clients that send bad input. */
const WRONG_ERROR = 'wrong-error';
// What decides is a thousand (npm run sim:planted); here it must not take long.
const RUNS_MAX = 100;

function bugNamed(name: string): PlantedBug {
  return bugs.find((bug) => bug.name === name)!;
}

test('there are fifteen of them, each with a name of its own', () => {
  expect(new Set(bugs.map(({ name }) => name)).size).toBe(15);
});

describe.each(bugs)('$name', (bug) => {
  test('replaces one line of its file', () => {
    const source = readFileSync(join(root, bug.file), 'utf8');
    const planted = plant(bug, source);
    const before = source.split('\n');
    const changed = planted.split('\n').filter((line, index) => line !== before[index]);
    expect(changed.map((line) => line.trim())).toEqual([bug.replace]);
    // Still a program.
    stripTypeScriptTypes(planted);
  });

  test('is to be found by checkers that exist', () => {
    const known = [...checkerKinds.map(({ name }) => name), ASSERTIONS, WRONG_ERROR];
    expect(bug.expectedCheckers.length).toBeGreaterThan(0);
    expect(known).toEqual(expect.arrayContaining([...bug.expectedCheckers]));
  });
});

test('a bug whose line is gone, or is there twice, is named', () => {
  const bug = { ...bugNamed('ack-before-isr'), find: 'let x = 1;', replace: 'let x = 2;' };
  expect(() => plant(bug, '')).toThrow(/ack-before-isr.* 0 times/);
  expect(() => plant(bug, 'let x = 1;\n  let x = 1;')).toThrow(/ack-before-isr.* 2 times/);
  expect(plant(bug, '{\n  let x = 1;\n}')).toBe('{\n  let x = 2;\n}');
});

test.each(['fetch-above-high-watermark', 'ack-before-isr', 'metadata-out-of-order'])(
  '%s is found',
  async (name) => {
    const { found } = await runChild(bugNamed(name), { from: 1, to: RUNS_MAX, step: 1 });
    expect(bugNamed(name).expectedCheckers).toContain(found?.checker);
  },
);
