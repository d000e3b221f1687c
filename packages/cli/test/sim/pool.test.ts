/** Goal: the pool reports every seed, even a seed whose process dies or stops answering. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SIMULATOR_FLAGS } from '@millrace/sim/io';
import { afterAll, expect, test } from 'vitest';
import type { Outcome } from '../../src/sim/outcome.ts';
import { Pool, type PoolOptions } from '../../src/sim/pool.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-pool-'));
afterAll(() => rmSync(folder, { recursive: true }));

function script(name: string, text: string): string {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, text);
  return file;
}

const entry = script(
  'worker',
  `process.on('message', ({ seed }) => {
    if (seed === 4) { console.error('out of luck'); process.exit(7); }
    if (seed === 6) for (;;) {}
    process.send({ seed, summary: { seed, words: process.argv.slice(2), flags: process.execArgv } });
  });
  process.on('disconnect', () => process.exit(0));`,
);

async function run(options: Partial<PoolOptions>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const pool = new Pool({
    ...{ entry, jobs: 2, seeds: [1, 2, 3, 5, 7, 8].values() },
    ...{ goesOn: () => true, done: (outcome: Outcome) => void outcomes.push(outcome) },
    ...options,
  });
  await pool.run();
  return outcomes.sort((a, b) => a.seed - b.seed);
}

test.each([1, 3, 20])('%i processes report every seed', async (jobs) => {
  const outcomes = await run({ jobs });
  expect(outcomes.map(({ seed }) => seed)).toEqual([1, 2, 3, 5, 7, 8]);
  expect(outcomes[0]?.summary).toEqual({
    seed: 1,
    words: ['sim-worker'],
    flags: expect.arrayContaining([...SIMULATOR_FLAGS]),
  });
});

test('when a process dies, the pool reports its seed and its last output, and starts another process', async () => {
  const outcomes = await run({ seeds: [3, 4, 5].values(), jobs: 1 });
  expect(outcomes.map(({ seed, crash }) => [seed, crash])).toEqual([
    [3, undefined],
    [4, 'its process ended with 7\nout of luck'],
    [5, undefined],
  ]);
});

test('the pool kills and reports a process that never answers', async () => {
  const outcomes = await run({ seeds: [5, 6, 7].values(), jobs: 1, silenceMsMax: 1_500 });
  expect(outcomes.map(({ crash }) => crash)).toEqual([
    undefined,
    'its process did not answer in time, so the pool killed it',
    undefined,
  ]);
});

test('the pool gives up when workers cannot start', async () => {
  const broken = script('broken', 'process.exit(3);');
  const outcomes = await run({ entry: broken, jobs: 1, seeds: Array(100).keys() });
  expect(outcomes).toHaveLength(10);
});

test('the pool starts no seed when goesOn returns false, and stop ends the run at once', async () => {
  expect(await run({ goesOn: () => false })).toEqual([]);
  const outcomes: Outcome[] = [];
  const done = (outcome: Outcome) => {
    outcomes.push(outcome);
    pool.stop();
  };
  const pool: Pool = new Pool({ entry, jobs: 1, seeds: [1, 6, 2].values(), goesOn: () => true, done });
  await pool.run();
  expect(outcomes.map(({ seed }) => seed)).toEqual([1]);
});
