/**
 * Goal: a log never mixes two histories, loses nothing that is durable, brings nothing back that it removed,
 * and finds what a naive search finds. Method: random operations on a faulty disk, and a naive twin. Planted
 * bugs, each in a process of its own, show that the twin finds such errors. `npm run sim:log` plays more.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { plant } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { planFrom, planOf, shrink, textOf } from '../twin/plan.ts';
import { logBugs } from '../twin/planted-bugs.ts';
import { failureOf } from '../twin/play.ts';
import { runChild } from '../twin/run-child.ts';

const SEEDS = 2000;
const ROOT = join(import.meta.dirname, '..', '..', '..', '..');

test('a log agrees with its twin', { timeout: 600_000 }, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const failure = failureOf(seed);
    if (failure === undefined) continue;
    const plan = shrink(planOf(seed), (shorter) => failureOf(seed, shorter) !== undefined);
    throw new Error(`seed ${seed}: ${failure}; shorter: ${textOf(plan)}`);
  }
});

test.each([
  [7132, 'a clean stop finds the loss of what an earlier process wrote and did not sync'],
  [16_008, 'retention removes a segment only when the device has a later snapshot of its producers'],
  [21_242, 'a new topic does not begin where the empty log of an earlier topic of its name began'],
  [56_910, 'a checkpoint never gets the content of a temporary file that a killed process left'],
  [109_230, 'a clean part also has the records below the log start offset, which may come back'],
  [140_458, 'a log that a crash brings back while it is emptied may forget its producers'],
  [140_991, 'before the first flush, a power loss may take the folder of a log'],
  [155_038, 'a high watermark within a batch that came back falls with the batch'],
  [182_573, 'a log that ends below a start within a batch begins empty at this start'],
])('seed %i: %s', (seed) => {
  expect(failureOf(seed)).toBeUndefined();
});

test.each(logBugs)('$name: $sentence', { timeout: 60_000 }, async ({ seed, ...bug }) => {
  expect(plant(bug, readFileSync(join(ROOT, bug.file), 'utf8'))).toContain(bug.replace);
  const { failure } = await runChild(bug.name, { from: seed, to: seed, step: 1 });
  expect(failure?.seed).toBe(seed);
});

test('a plan is what its text says, and a shorter plan still fails', () => {
  const plan = planOf(7);
  expect(planFrom(textOf(plan))).toEqual(plan);
  expect(() => planFrom('append')).toThrow(/is no operation/);
  const isCrash = ({ kind }: { kind: string }): boolean => kind === 'crash';
  const long = planFrom('append:1 crash:2 flush:3 crash:4 append:5');
  expect(textOf(shrink(long, (shorter) => shorter.filter(isCrash).length === 2))).toBe('crash:2 crash:4');
});
