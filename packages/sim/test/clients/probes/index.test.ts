/**
 * Goal: every probe can get Kafka's answer. Method: run seeds with a prober until each probe has got Kafka's
 * answer once. The runs themselves check that no other answer comes.
 */
import { errorName } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { type Probe, probes } from '../../../src/clients/index.ts';
import { simulateGuarded } from '../../../src/io/index.ts';
import type { Plan } from '../../../src/plan/index.ts';
import { planWith } from '../../support/plans.ts';

/**
 * All brokers crash, so that new leader epochs begin and probes have an earlier epoch to send. In the quiet
 * phase the prober has time for all probes.
 */
function planOf(seed: number): Plan {
  const crash = { id: 1, kind: 'crash-brokers', atMs: 100, parameters: {} };
  const plan = planWith(seed, [crash]);
  return { ...plan, incidents: [...plan.incidents, { quietMs: 100_000, lastsMs: 1_000, faults: [] }] };
}

/** About twice the number of runs that the test needs. */
const RUNS_MAX = 12;

test('names are unique', () => {
  expect(new Set(probes.map(({ name }) => name)).size).toBe(probes.length);
});

test('every probe gets its expected answer at least once', { timeout: 120_000 }, () => {
  const counts = new Map<string, number>();
  const isSilent = ({ name, expected }: Probe) =>
    !expected.some((one) => counts.has(`probe ${name} answered ${errorName(one)}`));
  for (let seed = 1; seed <= RUNS_MAX && probes.some(isSilent); seed++) {
    const report = simulateGuarded(planOf(seed));
    expect({ seed, sentence: report.sentence }).toEqual({ seed, sentence: undefined });
    for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count);
  }
  expect(probes.filter(isSilent).map(({ name }) => name)).toEqual([]);
});
