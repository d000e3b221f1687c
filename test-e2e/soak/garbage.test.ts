/** A garbage client does no harm to the others. */
import { describe, expect, inject, test } from 'vitest';
import { startMillrace } from '../lib/cluster.ts';
import { runGarbage } from './garbage-trial.ts';

const tools = inject('tools');
const isMissing = 'missing' in tools.java || 'missing' in tools['confluent-kafka'] || inject('isForeign');

describe.skipIf(isMissing)('garbage', () => {
  test('of every kind, and 10,000 silent connections, while two clients write', async () => {
    const cluster = await startMillrace();
    try {
      const options = { cluster, folder: inject('workFolder'), silentConnections: 10_000, rounds: 3 };
      expect(await runGarbage({ ...options, say: () => {} })).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });
});
