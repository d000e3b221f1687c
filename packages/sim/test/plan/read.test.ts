/**
 * Goal: a plan is the same after it was written to a file and read. The refusal of an invalid plan names the
 * field and its range.
 */
import { expect, test } from 'vitest';
import { faultsOf, type Plan, planFrom, planOf, planText } from '../../src/plan/index.ts';

test('the plan of a seed is the same after it was printed and read', () => {
  for (let seed = 0; seed < 100; seed++) {
    const plan = planOf(seed);
    expect(planFrom(JSON.parse(planText(plan)))).toEqual(plan);
  }
});

test('the text of a plan has a line for each fault', () => {
  const plan = planOf(7);
  const lines = planText(plan).split('\n');
  for (const fault of faultsOf(plan))
    expect(lines.some((line) => line.includes(JSON.stringify(fault)))).toBe(true);
});

const crash = { id: 1, kind: 'crash', atMs: 10, parameters: { victim: { who: 'any', pick: 1 } } };
const incident = { quietMs: 0, lastsMs: 1_000, faults: [crash] };
const plan: Plan = { format: 1, seed: 3, overrides: {}, incidents: [incident] };

const withFault = (changed: object) => ({
  ...plan,
  incidents: [{ ...incident, faults: [{ ...crash, ...changed }] }],
});

test.each<[unknown, string]>([
  [null, 'plan: null is not allowed; expected an object with format, seed, overrides, incidents'],
  [[plan], 'plan: [{"format":1,"seed":3'],
  [{ ...plan, format: 2 }, 'format: 2 is not allowed; expected 1'],
  [{ ...plan, seed: -1 }, 'seed: -1 is not allowed; expected a whole number from 0 to 4294967295'],
  [
    { ...plan, faults: [] },
    'plan has no field "faults"; expected an object with format, seed, overrides, incidents',
  ],
  [{ format: 1, seed: 1, incidents: [] }, 'plan lacks the field "overrides"'],
  [{ ...plan, incidents: {} }, 'incidents: {} is not allowed; expected a list of at most 100'],
  [
    { ...plan, incidents: [incident, { ...incident, lastsMs: 0 }] },
    'incidents[1].lastsMs: 0 is not allowed; expected a whole number from 1 to 600000',
  ],
  [
    withFault({ kind: 'crush' }),
    'incidents[0].faults[0].kind: "crush" is not allowed; expected one of slow-link, ',
  ],
  [
    withFault({ kind: undefined }),
    'incidents[0].faults[0].kind: nothing is not allowed; expected one of slow-link, ',
  ],
  [withFault({ atMs: 1_000 }), 'faults[0].atMs: 1000 is not allowed; expected a whole number from 0 to 999'],
  [
    { ...plan, incidents: [{ ...incident, faults: [crash, crash] }] },
    'incidents[0].faults[1].id: 1 is not allowed; expected a number that no other fault of the plan has',
  ],
  [
    withFault({ kind: 'pause', parameters: {} }),
    'incidents[0].faults[0].parameters lacks "victim": {"who": "any" or "active-controller" or "leader", "pick": a whole number',
  ],
  [
    withFault({ kind: 'pause' }),
    'incidents[0].faults[0].parameters lacks "lastsMs": a whole number from 1 to 600000',
  ],
  [
    withFault({ kind: 'pause', parameters: { ...crash.parameters, lastsMs: 'long' } }),
    'incidents[0].faults[0].parameters.lastsMs: "long" is not allowed; expected a whole number from 1 to 600000',
  ],
  [
    withFault({ parameters: { victim: 'b4' } }),
    'parameters.victim: "b4" is not allowed; expected {"who": "any" or "active-controller" or "leader", "pick": a whole number',
  ],
  [
    withFault({ kind: 'crash-all' }),
    'incidents[0].faults[0].parameters has no field "victim"; expected an object without fields',
  ],
  [
    { ...plan, overrides: { brokers: 3 } },
    'overrides has no field "brokers"; expected an object with cluster, network',
  ],
  [
    { ...plan, overrides: { cluster: { brokers: 10 } } },
    'overrides.cluster.brokers: 10 is not allowed; expected a whole number from 1 to 9',
  ],
  [
    { ...plan, overrides: { network: { delay: 10 } } },
    'overrides.network has no field "delay"; expected an object with delayUs, jitterUs',
  ],
  [
    { ...plan, overrides: { topics: [{ name: 'a b', partitions: 1, replicationFactor: 1, configs: {} }] } },
    'overrides.topics: [{"name":"a b"',
  ],
])('%j is refused', (json, sentence) => {
  expect(() => planFrom(json)).toThrow(sentence);
});
