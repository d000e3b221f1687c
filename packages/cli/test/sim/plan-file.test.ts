/** Goal: a plan written to a file is read back unchanged, and the refusal of a bad file names the file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planOf } from '@millrace/sim';
import { afterAll, expect, test } from 'vitest';
import { readPlan, writePlan } from '../../src/sim/plan-file.ts';
import { UserError } from '../../src/user-error.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-plan-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('a plan is the same after it was written to a file and read', () => {
  const file = join(dir, 'plan.json');
  writePlan(file, planOf(42));
  expect(readPlan(file)).toEqual(planOf(42));
});

test.each([
  ['{"format":1', /^the plan .*plan\.json is not JSON: /],
  ['{"format":1}', /^the plan .*plan\.json is not valid: plan lacks the field "seed"$/],
])('%s is refused', (text, sentence) => {
  const file = join(dir, 'plan.json');
  writeFileSync(file, text);
  expect(() => readPlan(file)).toThrow(UserError);
  expect(() => readPlan(file)).toThrow(sentence);
});

test('a file that is not there, or cannot be written, is refused', () => {
  expect(() => readPlan(join(dir, 'none.json'))).toThrow(/^cannot read the plan .*none\.json: ENOENT/);
  expect(() => writePlan(join(dir, 'none', 'plan.json'), planOf(1))).toThrow(
    /^cannot write the plan .*: ENOENT/,
  );
});
