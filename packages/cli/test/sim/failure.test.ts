/** Goal: the text explains a failed run. Method: a simulator with a bug that this test adds. */
import { faultsOf, type Plan, planFrom, type RunReport } from '@millrace/sim';
import { simulateGuarded } from '@millrace/sim/io';
import { expect, test } from 'vitest';
import { type FailureOptions, failureOf, failureText } from '../../src/sim/failure.ts';

const NEEDED = [4, 7];
const faults = Array.from({ length: 12 }, (_unused, id) => ({
  id,
  kind: 'crash-all',
  atMs: id,
  parameters: {},
}));
const PLAN: Plan = {
  format: 1,
  seed: 3,
  overrides: { prober: false },
  incidents: [
    { quietMs: 0, lastsMs: 20, faults: faults.slice(0, 6) },
    { quietMs: 0, lastsMs: 20, faults: faults.slice(6) },
  ],
};

const calm = simulateGuarded({ ...PLAN, incidents: [] });

/**
 * Returns the report of a real run without faults, changed as if the faults of the plan had struck. The run
 * counts as failed if all needed faults are in the plan.
 */
function simulate(plan: Plan): RunReport {
  const struck = faultsOf(plan).map((planned) => {
    return { planned, atUs: planned.id * 1_000_000, text: `b${planned.id}` };
  });
  const told = struck.map(({ atUs, planned, text }) => {
    return { atUs, who: 'world', event: `fault ${planned.id}: crash-all`, facts: { what: text } };
  });
  const story = { ...calm.story, lines: [...calm.story.lines, ...told] } as RunReport['story'];
  const report = { ...calm, plan, struck, story };
  if (!NEEDED.every((id) => struck.some(({ planned }) => planned.id === id))) return report;
  const sentence = `${struck.length} faults and p1-7 is gone`;
  return {
    ...report,
    verdict: 'violated',
    checker: 'lost-write',
    sentence,
    thrown: new Error('where it broke'),
  };
}

const options: FailureOptions = { simulate, nowMs: () => 0, shrinkMs: 1 };

test('the text has the needed faults, the sentence, and the plan that replays the run', () => {
  const report = simulate(PLAN);
  const failure = failureOf(report, options);
  const text = failureText(failure);
  expect(text).toContain(`seed 3 VIOLATED lost-write: ${report.sentence}`);
  expect(text).toMatch(
    /It also fails with 2 of its 12 faults, in 2 incidents \(\d+ runs tried, nothing else can be removed or reduced\)/,
  );
  expect(text).toMatch(/Error: where it broke\n {4}at .*failure\.test\.ts/);
  expect(text).toContain('That run says: 2 faults and p1-7 is gone');
  expect(text.match(/\*\*\* fault/g)).toHaveLength(2);
  expect(text.match(/^ {2}fault \d+ at \d+\.\d{3} s: .+: .+$/gm)).toHaveLength(2);
  const replay = `hash ${failure.shortened.hash}; save this plan as plan.json and replay it with: millrace sim --plan plan.json\n`;
  const [, printed] = text.split(replay);
  const plan = planFrom(JSON.parse(printed!));
  expect(plan).toEqual(failure.report.plan);
  expect(faultsOf(plan).map(({ id }) => id)).toEqual(NEEDED);

  const brief = failureText(failure, { storyLinesMax: 5 });
  expect(brief).toContain(' lines …');
  expect(brief).toContain('!!! lost-write: 2 faults and p1-7 is gone');
  const told = brief.slice(0, brief.indexOf('\n\n')).split('\n');
  expect(told, 'the first line, the number of omitted lines, and the end').toHaveLength(1 + 1 + 5);

  const inFile = failureText(failure, { planFile: 'found.json' });
  expect(inFile).toMatch(/replay it with: millrace sim --plan found\.json$/);
});

test('without shrinking the text shows the original run', () => {
  const failure = failureOf(simulate(PLAN), { ...options, shrinkMs: 0 });
  expect(failure).toMatchObject({ runs: 0, report: { plan: PLAN } });
  const text = failureText(failure);
  expect(text).not.toContain('It also fails');
  expect(text).toMatch(/replay it with: millrace sim --seed 3$/);
});

test('when the time for shrinking is up, the text says that the result may not be minimal', () => {
  let nowMs = 0;
  const failure = failureOf(simulate(PLAN), { ...options, nowMs: () => nowMs++, shrinkMs: 4 });
  expect(failure).toMatchObject({ isMinimal: false });
  expect(failureText(failure)).toContain('the time was over before all was tried');
});
