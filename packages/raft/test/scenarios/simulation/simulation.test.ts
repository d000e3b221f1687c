/**
 * Goal: Raft's guarantees hold under random faults, and the quorum makes progress after the faults. Method:
 * 200 seeded runs (or RAFT_SEEDS) of 1, 3 or 5 nodes. The failure message names the seed, which reproduces
 * the run.
 */
import { expect, test } from 'vitest';
import { optionsOf, run } from '../../support/simulation/run.ts';

const SEEDS = Number(process.env['RAFT_SEEDS'] ?? 200);
const FIRST = Number(process.env['RAFT_SEED_FIRST'] ?? 1);

test('safety under faults, progress after them', () => {
  const counts = new Map<string, number>();
  let committed = 0;
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const { world } = run(optionsOf(seed));
    for (const [name, count] of world.counts) counts.set(name, (counts.get(name) ?? 0) + count);
    committed += world.checker.committed.length;
  }
  if (process.env['RAFT_SHOW'] !== undefined) console.log(Object.fromEntries([...counts].sort()), committed);
  if (SEEDS < 200) return;
  // A simulation that does not reach the interesting states proves nothing.
  const reached = ['quorum-log-truncated', 'quorum-lost', 'leader-resigned', 'voter-storage-replaced'];
  reached.push(
    'unsynced writes lost',
    'disk lost',
    'leader-timed-out',
    'leader-connection-lost',
    'quorum-formed',
    'snapshot-requested',
    'snapshot installed',
    'started from a snapshot',
  );
  for (const name of reached) expect(counts.get(name) ?? 0, name).toBeGreaterThan(5);
  expect(committed).toBeGreaterThan(10_000);
}, 600_000);
