/** Goal: shrinking leaves exactly what a failing run needs of its plan, and it ends. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  faultsOf,
  type Plan,
  type PlannedFault,
  type ShrinkableRun,
  shrink,
  summaryOf,
} from '../src/index.ts';
import { simulateGuarded } from '../src/io/index.ts';
import { planWith } from './support/plans.ts';

const INCIDENTS = 4;
const FAULTS = 10;

/** Forty faults in four incidents, with the ids 0 to 39. */
const PLAN: Plan = {
  format: 1,
  seed: 3,
  overrides: {},
  incidents: Array.from({ length: INCIDENTS }, (_unused, incident) => ({
    quietMs: 2_000,
    lastsMs: 15_000,
    faults: Array.from({ length: FAULTS }, (_unused_, index): PlannedFault => {
      const parameters = { victim: { who: 'any', pick: index }, syncMs: 200, lastsMs: 4_000 };
      return { id: incident * FAULTS + index, kind: 'slow-disk', atMs: index * 1_000, parameters };
    }),
  })),
};

type Judge = (plan: Plan) => boolean;

/** Options to shrink PLAN. The run of a plan fails if `isFailing` returns true for the plan. */
function failing(isFailing: Judge) {
  const run = (plan: Plan): ShrinkableRun => ({
    checker: isFailing(plan) ? 'lost-write' : null,
    faults: faultsOf(plan),
  });
  return { plan: PLAN, run, failed: run(PLAN), goesOn: () => true };
}

const idsOf = (plan: Plan) => faultsOf(plan).map(({ id }) => id);
const needs =
  (needed: readonly number[]): Judge =>
  (plan) =>
    needed.every((id) => idsOf(plan).includes(id));

test('shrinking leaves exactly the needed faults, and no incident without a fault', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(39), { minLength: 1, maxLength: 4 }), (needed) => {
      const { plan, run, isMinimal } = shrink(failing(needs(needed)));
      expect(idsOf(plan)).toEqual([...needed].sort((a, b) => a - b));
      expect(plan.incidents.filter(({ faults }) => faults.length === 0)).toEqual([]);
      expect([isMinimal, run.checker]).toEqual([true, 'lost-write']);
    }),
    { numRuns: 30 },
  );
});

test('shrinking makes phases and parameters as small as the failure allows', () => {
  const { plan } = shrink(
    failing(({ incidents }) =>
      incidents.some(({ quietMs, lastsMs, faults }) => {
        const long = faults.some(({ parameters }) => Number(parameters['lastsMs']) >= 700);
        return long && quietMs >= 500 && lastsMs >= 3_000;
      }),
    ),
  );
  expect(plan.incidents).toHaveLength(1);
  const [{ quietMs, lastsMs, faults }] = plan.incidents as [Plan['incidents'][number]];
  expect(faults).toHaveLength(1);
  const { syncMs, ...others } = faults[0]!.parameters;
  expect(syncMs).toBe(20);
  // Shrinking halves a value, so it ends at less than twice the needed value.
  for (const [value, needed] of [
    [quietMs, 500],
    [lastsMs, 3_000],
    [Number(others['lastsMs']), 700],
  ] as const) {
    expect(value).toBeGreaterThanOrEqual(needed);
    expect(value).toBeLessThan(2 * needed);
  }
});

test('shrinking makes the scenario smaller: nodes, topics, clients', () => {
  const { plan } = shrink(failing(({ overrides }) => (overrides['consumers'] ?? 2) === 2));
  expect(plan.incidents).toEqual([]);
  expect(plan.overrides).toMatchObject({
    cluster: { controllers: 1, brokers: 1 },
    producers: 0,
    network: { jitterUs: 0 },
  });
  expect(plan.overrides).not.toHaveProperty('consumers');
});

test('one run is enough to find out that a failure needs no fault', () => {
  const tried: Plan[] = [];
  const { run, ...options } = failing((plan) => Object.keys(plan.overrides).length === 0);
  const shrunk = shrink({
    ...options,
    run(plan) {
      tried.push(plan);
      return run(plan);
    },
  });
  expect(tried[0]?.incidents).toEqual([]);
  expect(shrunk.plan).toEqual({ ...PLAN, incidents: [] });
  expect(tried.slice(1).filter(({ overrides }) => Object.keys(overrides).length === 0)).toEqual([]);
});

test('a smaller plan whose run fails another checker does not count', () => {
  const { run, ...options } = failing(() => true);
  const shrunk = shrink({
    ...options,
    run: (plan) => (idsOf(plan).length < 3 ? { ...run(plan), checker: 'liveness' } : run(plan)),
  });
  expect(idsOf(shrunk.plan)).toHaveLength(3);
});

test('shrinking leaves out faults without a victim at once', () => {
  const tried: number[][] = [];
  const run = (plan: Plan): ShrinkableRun => {
    tried.push(idsOf(plan));
    const struck = idsOf(plan).filter((id) => id === 5 || id === 17);
    return { checker: struck.length === 2 ? 'lost-write' : null, faults: struck.map((id) => ({ id })) };
  };
  shrink({ plan: PLAN, failed: run(PLAN), run, goesOn: () => true });
  // The runs in order: the whole plan, no faults at all, only the faults that struck.
  expect(tried[2]).toEqual([5, 17]);
});

test('shrinking never runs the same plan twice', () => {
  const tried: string[] = [];
  const { run, ...options } = failing(needs([3, 17, 31]));
  shrink({
    ...options,
    run(plan) {
      tried.push(JSON.stringify(plan));
      return run(plan);
    },
  });
  expect(new Set(tried).size).toBe(tried.length);
});

test('shrinking ends with its best result when the time or the runs are used up', () => {
  const needed = [3, 17, 31];
  const brief = shrink({ ...failing(needs(needed)), runsMax: 5 });
  expect(brief).toMatchObject({ runs: 5, isMinimal: false });
  expect(idsOf(brief.plan)).toEqual(expect.arrayContaining(needed));
  const none = shrink({ ...failing(needs(needed)), goesOn: () => false });
  expect(none).toMatchObject({ runs: 0, isMinimal: false, plan: PLAN });
});

test('a real run: the shrunk plan gives the same failing run again', () => {
  const runOf = (plan: Plan) => {
    const summary = summaryOf(simulateGuarded(plan));
    const crashes = summary.faults.filter(({ name }) => name === 'crash');
    return { ...summary, checker: crashes.length >= 2 ? 'planted' : null };
  };
  const crash = { kind: 'crash', parameters: { victim: { who: 'any', pick: 4 } } };
  const faults = [1, 2, 3, 4].map((id): PlannedFault => ({ ...crash, id, atMs: id * 200 }));
  // Few clients make few events.
  const overrides = { producers: 1, consumers: 1, paceMs: 300, prober: false };
  const plan: Plan = { ...planWith(1, faults), overrides };
  const failed = runOf(plan);
  // A few steps are enough here: the tests above show that shrinking ends at the smallest plan.
  const shrunk = shrink({ plan, failed, run: runOf, goesOn: () => true, runsMax: 3 });
  expect(faultsOf(shrunk.plan).length).toBeGreaterThanOrEqual(2);
  expect(faultsOf(shrunk.plan).length).toBeLessThan(faultsOf(plan).length);
  expect(runOf(shrunk.plan)).toEqual(shrunk.run);
});
