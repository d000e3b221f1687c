/**
 * Goal: compaction loses no latest value of a key, brings no older value back, and keeps and drops tombstones
 * in time, whatever crashes in between. Method: random runs against a naive twin. Planted bugs, each in a
 * process of its own, show that the twin finds such errors.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { plant } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { playCompaction } from '../support/compaction-twin.ts';
import { compactionBugs } from '../support/planted-bugs.ts';

/** FUZZ_RUNS=20000 for a long hunt. */
const SEEDS = Number(process.env['FUZZ_RUNS'] ?? 400);
/** Each planted bug needs fewer seeds. */
const BUG_SEEDS = 200;
const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
const CHILD = join(import.meta.dirname, '..', 'support', 'planted-twin.ts');

test('a compacted log agrees with its twin', { timeout: 600_000 }, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      playCompaction(seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
});

test.each(compactionBugs)('$name: $sentence', { timeout: 60_000 }, (bug) => {
  expect(plant(bug, readFileSync(join(ROOT, bug.file), 'utf8'))).toContain(bug.replace);
  const env = { ...process.env, PLANTED_BUG: bug.name };
  const { stdout, stderr } = spawnSync(process.execPath, [CHILD, String(BUG_SEEDS)], {
    env,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout).toMatch(bug.says);
});
