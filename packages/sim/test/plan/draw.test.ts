/**
 * Goal: the plans of seeds have several incidents, so that later ones strike a cluster that has recovered,
 * and some long quiet phases, so that long timers fire.
 */
import { expect, test } from 'vitest';
import { scenarioFaults } from '../../src/faults/index.ts';
import { faultKinds } from '../../src/index.ts';
import { faultsOf, type PlannedFault, planOf } from '../../src/plan/index.ts';

const SEEDS = 1_000;
const plans = Array.from({ length: SEEDS }, (_unused, seed) => planOf(seed));

test('a plan has one to five incidents; at most one plan in ten has only one', () => {
  const counts = plans.map(({ incidents }) => incidents.length);
  expect(Math.min(...counts)).toBe(1);
  expect(Math.max(...counts)).toBe(5);
  const alone = counts.filter((count) => count === 1).length;
  expect(alone).toBeGreaterThan(0);
  expect(alone).toBeLessThanOrEqual(SEEDS / 10);
});

test('one plan in about sixteen has a quiet phase of five minutes or more', () => {
  const long = plans.filter(({ incidents }) => incidents.some(({ quietMs }) => quietMs >= 300_000));
  expect(long.length).toBeGreaterThan(SEEDS / 20);
  expect(long.length).toBeLessThan(SEEDS / 10);
});

test('ids are unique and ascend with the time, those of `scenarioFaults` last; every fault strikes within its incident', () => {
  for (const plan of plans) {
    const faults = faultsOf(plan);
    const isLast = ({ kind }: PlannedFault) => scenarioFaults.some(({ name }) => name === kind);
    const inOrder = [...faults.filter((one) => !isLast(one)), ...faults.filter(isLast)];
    expect(inOrder.map(({ id }) => id)).toEqual(faults.map((_fault, index) => index + 1));
    for (const { lastsMs, faults } of plan.incidents) {
      const times = faults.map(({ atMs }) => atMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(times.filter((atMs) => atMs < 0 || atMs >= lastsMs)).toEqual([]);
    }
  }
});

test('every kind of fault is planned', () => {
  const planned = new Set(plans.flatMap((plan) => faultsOf(plan).map(({ kind }) => kind)));
  expect(faultKinds.filter(({ name }) => !planned.has(name))).toEqual([]);
});
