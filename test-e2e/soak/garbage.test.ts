/** Goal: clients that send garbage do not harm other clients. */
import { describe, expect, inject, test } from 'vitest';
import { startMillrace } from '../lib/cluster.ts';
import { runGarbage } from './garbage-trial.ts';

const tools = inject('tools');
const isMissing = 'missing' in tools.java || 'missing' in tools['confluent-kafka'] || inject('isForeign');

describe.skipIf(isMissing)('garbage', () => {
  test('of every kind, 10,000 silent connections and hostile clients do no harm while two clients write', async () => {
    const cluster = await startMillrace();
    try {
      const hostile = {
        records: 2_000_000,
        duplicates: 1_000_000,
        duplicatesAtOnce: 2,
        silenceMs: 200,
        residentMaxMiB: 768,
        windowMs: 0,
        pairs: 0,
        pairsMax: 0,
      };
      const garbage = { silentConnections: 10_000, rounds: 3, hostile, say: () => {} };
      expect(await runGarbage({ cluster, folder: inject('workFolder'), ...garbage })).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });
});
