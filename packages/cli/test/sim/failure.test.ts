/** Goal: the text explains a failed run. Method: a simulator with a bug that this test adds. */
import type { RunReport } from '@millrace/sim';
import { simulateGuarded } from '@millrace/sim/io';
import { expect, test } from 'vitest';
import { type FailureOptions, failureOf, failureText, replayCommand } from '../../src/sim/failure.ts';

const SEED = 3;
const PLANNED = 12;
const NEEDED = [4, 7];

const calm = simulateGuarded({ seed: SEED, only: new Set() });

/** A real run with made-up faults. It fails when all needed faults are among them. */
function simulate(_seed: number, only: ReadonlySet<number> | undefined): RunReport {
  const strikes = (index: number) => only === undefined || only.has(index);
  const plan = Array.from({ length: PLANNED }, (_unused, id) => {
    return { id, kind: 'crash', atMs: id * 1_000, parameters: {} };
  });
  const struck = plan
    .filter(({ id }) => strikes(id))
    .map((planned) => ({ planned, atUs: planned.atMs * 1_000, text: `b${planned.id}` }));
  const faults = struck.map(({ atUs, planned, text }) => {
    return { atUs, who: 'world', event: `fault ${planned.id}: crash`, facts: { what: text } };
  });
  const story = { ...calm.story, lines: [...calm.story.lines, ...faults] } as RunReport['story'];
  const report = { ...calm, plan, struck, story };
  if (!NEEDED.every(strikes)) return report;
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

test('the faults it needs, the sentence and the command that replays it', () => {
  const report = simulate(SEED, undefined);
  const failure = failureOf(report, undefined, options);
  expect(failure.replay).toBe('millrace sim --seed 3 --only 4,7');
  const text = failureText(failure);
  expect(text).toContain(`seed 3 VIOLATED lost-write: ${report.sentence}`);
  expect(text).toMatch(
    /It also fails with 2 of its 12 faults \(\d+ runs tried, none of them can be left out\)/,
  );
  expect(text).toMatch(/Error: where it broke\n {4}at .*failure\.test\.ts/);
  expect(text).toContain('That run says: 2 faults and p1-7 is gone');
  expect(text.match(/\*\*\* fault/g)).toHaveLength(2);
  expect(text.match(/^ {2}fault \d+ at \d+\.\d{3} s: .+: .+$/gm)).toHaveLength(2);
  expect(text).toMatch(new RegExp(`hash ${failure.shortened.hash}; replay it with: ${failure.replay}$`));

  const brief = failureText(failure, { storyLinesMax: 5 });
  expect(brief).toContain(' lines …');
  expect(brief).toContain('!!! lost-write: 2 faults and p1-7 is gone');
  const told = brief.slice(0, brief.indexOf('\n\n')).split('\n');
  expect(told, 'the first line, the number of omitted lines, and the end').toHaveLength(1 + 1 + 5);
});

test('without shrinking a run stays as it is', () => {
  const failure = failureOf(simulate(SEED, undefined), [4, 11, 18], { ...options, shrinkMs: 0 });
  expect(failure).toMatchObject({ runs: 0, replay: 'millrace sim --seed 3 --only 4,11,18' });
  expect(failureText(failure)).not.toContain('It also fails');
});

test('when the time is up the text says that the result may not be minimal', () => {
  let nowMs = 0;
  const failure = failureOf(simulate(SEED, undefined), undefined, {
    ...options,
    nowMs: () => nowMs++,
    shrinkMs: 4,
  });
  expect(failure).toMatchObject({ isMinimal: false });
  expect(failureText(failure)).toContain('there was no time to try all');
});

test.each([
  [undefined, 'millrace sim --seed 3'],
  [[], 'millrace sim --seed 3 --only none'],
  [[1, 5], 'millrace sim --seed 3 --only 1,5'],
])('with only %j', (only, command) => {
  expect(replayCommand(SEED, only)).toBe(command);
});
