/**
 * One trial for each kind of victim (the nodes that the trial kills). All trials use the same six processes,
 * which no other test uses. `npm run soak:failover` and `npm run soak:kill-all` run dozens of trials.
 */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Cluster, startMillrace } from '../lib/cluster.ts';
import { runTrial, type TrialResult, type Victim } from './trial.ts';

const tools = inject('tools');
const isMissing = 'missing' in tools.java || 'missing' in tools['confluent-kafka'] || inject('isForeign');

describe.skipIf(isMissing)('with the writers of librdkafka and the Java client', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startMillrace();
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  async function trial(victim: Victim, paceMs: number): Promise<TrialResult> {
    const topic = `soak-${victim}-${paceMs}`;
    const result = await runTrial({ cluster, victim, paceMs, topic, folder: inject('workFolder') });
    expect(result.violations).toEqual([]);
    expect(result.acked).toBeGreaterThan(100);
    return result;
  }

  test('after the kill of a leader writing continues, no record is lost, duplicate or out of order, and the broker comes back', async () => {
    const { gapMs } = await trial('leader', 10);
    // The limit leaves room for a busy machine, and is well below 9 s, Apache Kafka's default session
    // timeout.
    expect(Math.max(...Object.values(gapMs))).toBeLessThan(6000);
  });

  test('after the kill of the active controller writing does not stall', async () => {
    const { gapMs } = await trial('controller', 10);
    expect(Math.max(...Object.values(gapMs))).toBeLessThan(1500);
  });

  test('after the kill of all six processes at once under full load, no acknowledged record is lost', async () => {
    await trial('all', 0);
  });
});
