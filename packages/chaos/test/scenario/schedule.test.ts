import { Prng } from '@millrace/base';
import { expect, test } from 'vitest';
import { builtinScenario } from '../../src/scenario/builtin.ts';
import { Schedule } from '../../src/scenario/schedule.ts';

const scenario = builtinScenario('all');

function draw(seed: number, count: number) {
  const schedule = new Schedule(scenario, new Prng(seed));
  return Array.from({ length: count }, () => schedule.next());
}

test('a seed draws the same faults again, and another seed draws others', () => {
  expect(draw(7, 30)).toEqual(draw(7, 30));
  expect(draw(7, 30)).not.toEqual(draw(8, 30));
});

test('each fault of the scenario comes once before any comes again', () => {
  const count = scenario.faults.length;
  const drawn = draw(7, 3 * count).map(({ plan }) => plan);
  for (const from of [0, count, 2 * count])
    expect(new Set(drawn.slice(from, from + count))).toEqual(new Set(scenario.faults));
});

test('a fault lasts as long as its plan says', () => {
  for (const { plan, lastsMs } of draw(7, 100)) {
    expect(lastsMs).toBeGreaterThanOrEqual(plan.lastsMs[0]);
    expect(lastsMs).toBeLessThanOrEqual(plan.lastsMs[1]);
  }
});

test('a fault without a victim comes again in the same round', () => {
  const schedule = new Schedule(scenario, new Prng(7));
  const first = schedule.next();
  schedule.postpone(first);
  const round = Array.from({ length: scenario.faults.length }, () => schedule.next().plan);
  expect(new Set(round)).toEqual(new Set(scenario.faults));
});
