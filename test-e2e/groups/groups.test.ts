/**
 * Goal: a group loses no record and no commit. Method: one run for each client and protocol. In a run, three
 * members join and process records, one leaves, and one is killed. The judge then checks every record and
 * every commit. Several groups run at the same time, because a group mostly waits. `npm run matrix:groups`
 * tests all events.
 */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Cluster } from '../lib/cluster.ts';
import { runningCluster, startForGroups } from './clusters.ts';
import { movedFault, repeated } from './kept.ts';
import { nameOf, type Variant, variants } from './variants.ts';
import { type Outcome, runWave } from './wave.ts';

const SESSION_MS = 3000;
/** On a busy machine, three Java members need up to half a minute to start. */
const SETTLE_LIMIT_MS = 60_000;
const QUIET_MS = 300;
const AT_ONCE_MAX = 4;

let cluster: Cluster;

beforeAll(async () => {
  const foreign = process.env['E2E_BOOTSTRAP'];
  cluster = foreign === undefined ? await startForGroups(SESSION_MS) : runningCluster(foreign);
});
afterAll(async () => {
  await cluster?.stop();
});

function isMissing({ tool }: Variant): boolean {
  // Every run needs confluent-kafka, because the writer uses it.
  return [tool, 'confluent-kafka' as const].some(
    (name) => name !== undefined && 'missing' in inject('tools')[name],
  );
}

async function run(some: readonly Variant[]): Promise<Outcome[]> {
  return await runWave({
    cluster,
    variants: some,
    events: ['leave', 'kill'],
    sessionMs: SESSION_MS,
    settleLimitMs: SETTLE_LIMIT_MS,
    quietMs: QUIET_MS,
  });
}

const all = variants.filter(({ onlyMatrix }) => onlyMatrix !== true);
const able = all.filter((variant) => !isMissing(variant));
const waves = Math.ceil(able.length / AT_ONCE_MAX);

for (let wave = 0; wave < waves; wave++) {
  // The variants of one client are neighbours in the list. Neighbours run in different waves, because some
  // clients need much time to start.
  const some = able.filter((_, i) => i % waves === wave);
  describe(`wave ${wave + 1}`, () => {
    let outcomes: readonly Outcome[];
    beforeAll(async () => {
      outcomes = await run(some);
    });

    test.each(some.map((variant, i) => [nameOf(variant), variant, i] as const))(
      'a group of %s: three members join, one leaves, one is killed, and no record and no commit is lost',
      async (_name, variant, i) => {
        const fault = ({ gaps }: Outcome) => movedFault(gaps);
        const outcome = await repeated(outcomes[i]!, fault, async () => (await run([variant]))[0]!);
        expect(outcome.violations).toEqual([]);
        expect(outcome.processed).toBeGreaterThan(100);
        expect(outcome.applied.map(({ event }) => event)).toEqual(['leave', 'kill']);
        expect(fault(outcome)).toBeUndefined();
        expect(outcome.gaps.length).toBe(variant.isIncremental ? 2 : 0);
      },
    );
  });
}

for (const variant of all.filter(isMissing)) test.skip(`a group of ${nameOf(variant)}`, () => {});
