/**
 * One run for each client and protocol: three members join and process, one leaves, one is killed. The judge
 * looks at every record and every commit. `npm run matrix:groups` runs every other event.
 */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Cluster } from '../lib/cluster.ts';
import { runningCluster, startForGroups } from './clusters.ts';
import { nameOf, type Variant, variants } from './variants.ts';
import { runWave } from './wave.ts';

const SESSION_MS = 3000;
const SETTLE_LIMIT_MS = 30_000;
const QUIET_MS = 300;

let cluster: Cluster;

beforeAll(async () => {
  const foreign = process.env['E2E_BOOTSTRAP'];
  cluster = foreign === undefined ? await startForGroups(SESSION_MS) : runningCluster(foreign);
});
afterAll(async () => {
  await cluster?.stop();
});

function isMissing({ tool }: Variant): boolean {
  // The writers need confluent-kafka.
  return [tool, 'confluent-kafka' as const].some(
    (name) => name !== undefined && 'missing' in inject('tools')[name],
  );
}

for (const variant of variants.filter(({ onlyMatrix }) => onlyMatrix !== true)) {
  describe.skipIf(isMissing(variant))(`a group of ${nameOf(variant)}`, () => {
    test('three members join, one leaves, one is killed, and no record and no commit is lost', async () => {
      const [outcome] = await runWave({
        cluster,
        variants: [variant],
        events: ['leave', 'kill'],
        sessionMs: SESSION_MS,
        settleLimitMs: SETTLE_LIMIT_MS,
        quietMs: QUIET_MS,
      });
      expect(outcome?.violations).toEqual([]);
      expect(outcome?.processed).toBeGreaterThan(100);
      expect(outcome?.applied.map(({ event }) => event)).toEqual(['leave', 'kill']);
    });
  });
}
