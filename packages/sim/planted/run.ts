/**
 * `npm run sim:planted`: plants each bug alone, counts the seeds until an expected checker fails, and prints
 * the table of docs/simulation.md. A bug that names a plan runs with this plan alone. Then runs the control:
 * without a bug, all seeds up to the largest one that found a bug must pass.
 *
 *   --bug NAME   runs only this bug    --seeds N   at most N runs for each bug (default 1000)
 *
 * Exit code 1: there is a bug that no expected checker found, the control failed, or an option is invalid.
 */
import { parseArgs } from 'node:util';
import { bugs } from './bugs/index.ts';
import type { ChildReport } from './child.ts';
import type { Finding, PlantedBug } from './patch.ts';
import { runChild } from './process.ts';

const JOBS = 2;

interface Row {
  readonly bug: PlantedBug;
  readonly report: ChildReport;
}

const { values } = parseArgs({ options: { bug: { type: 'string' }, seeds: { type: 'string' } } });
const seeds = Number(values.seeds ?? 1000);
const chosen = bugs.filter(({ name }) => values.bug === undefined || name === values.bug);
if (chosen.length === 0 || !Number.isSafeInteger(seeds) || seeds < 1) {
  const names = bugs.map(({ name }) => name).join(', ');
  process.stderr.write(`sim:planted: --seeds takes a number, --bug one of ${names}\n`);
  process.exit(1);
}

const rows = await inParallel(chosen, async (bug): Promise<Row> => {
  const report = await runChild(bug, { from: 1, to: seeds, step: 1 });
  process.stderr.write(`${bug.name}: ${report.runs} runs, ${report.seconds.toFixed(0)} s\n`);
  return { bug, report };
});
process.stdout.write(`${table(rows)}\n`);
for (const { bug, report } of rows)
  if (report.found === null) process.stdout.write(`\n${bug.name} was not found${elsewise(report.others)}\n`);

const last = Math.max(
  0,
  ...rows.map(({ bug, report }) => (bug.plan === undefined ? (report.found?.seed ?? 0) : 0)),
);
const halves = Array.from({ length: Math.min(JOBS, last) }, (_unused, index) => index + 1);
const controls = await inParallel(halves, (from) => runChild(undefined, { from, to: last, step: JOBS }));
const dirty = controls.flatMap(({ others }) => others).sort((a, b) => a.seed - b.seed);
process.stdout.write(
  `\nwith no bug planted: ${last} runs, ${dirty.length === 0 ? 'nothing found' : 'not clean'}\n`,
);
for (const finding of dirty) process.stdout.write(`  ${words(finding)}\n`);
process.exitCode = dirty.length > 0 || rows.some(({ report }) => report.found === null) ? 1 : 0;

/**
 * Calls `act` for each entry of the list, for two entries at a time. Returns the results in the order of the
 * list.
 */
async function inParallel<T, R>(list: readonly T[], act: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async () => {
    for (let index = next++; index < list.length; index = next++) results[index] = await act(list[index]!);
  };
  await Promise.all(Array.from({ length: JOBS }, work));
  return results;
}

function table(all: readonly Row[]): string {
  const lines = all.map(({ bug, report }) => {
    const { found, runs } = report;
    const how =
      found === null
        ? `not found | | ${runs} | `
        : `\`${found.checker}\` | ${placeOf(bug, found)} | ${runs} | ${found.sentence}`;
    return `| \`${bug.name}\`: ${bug.sentence} | ${how} |`;
  });
  return [
    '| bug | found by checker | seed | runs needed | what the checker says |',
    '|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

function placeOf({ plan }: PlantedBug, { seed }: Finding): string {
  return plan === undefined ? String(seed) : `plan \`${plan}\``;
}

function elsewise(others: readonly Finding[]): string {
  if (others.length === 0) return '; no checker found anything';
  return `, only by checkers that do not name it:\n${others.map((one) => `  ${words(one)}`).join('\n')}`;
}

function words({ seed, checker, sentence }: Finding): string {
  return `seed ${seed}: ${checker}: ${sentence}`;
}
