import { expect, test } from 'vitest';
import { builtinNames, builtinScenario } from '../../src/scenario/builtin.ts';
import { FAULTS, VICTIMS } from '../../src/scenario/kinds.ts';

test('each built-in scenario is valid, and has the name of its file', () => {
  expect(builtinNames().length).toBeGreaterThan(10);
  for (const name of builtinNames()) expect(builtinScenario(name).name).toBe(name);
});

test('the scenario `all` has every fault and every victim', () => {
  const { faults } = builtinScenario('all');
  expect(new Set(faults.map(({ fault }) => fault))).toEqual(new Set(Object.keys(FAULTS)));
  expect(new Set(faults.map(({ victim }) => victim))).toEqual(new Set(Object.keys(VICTIMS)));
});
