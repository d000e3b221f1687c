/**
 * Runs seeds in a process of its own, and prints one line of JSON. `--from A --to B --step N` gives the
 * seeds. If hook.ts has planted a bug, the process runs seeds until a failure identifies the bug. If the bug
 * names a plan, the process runs this plan instead of the seeds. Without a bug, the process runs all seeds:
 * this is the control.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Plan } from '../src/plan/index.ts';
import { bug, planted } from './hook.ts';
import { type Finding, isExpected } from './patch.ts';

/** The most failures in `others`. */
const FINDINGS_MAX = 20;

export interface ChildReport {
  readonly runs: number;
  readonly seconds: number;
  readonly found: Finding | null;
  /** The first failures that do not identify the bug. Without a planted bug: the first failures. */
  readonly others: readonly Finding[];
}

const { values } = parseArgs({
  options: { from: { type: 'string' }, to: { type: 'string' }, step: { type: 'string' } },
});
const from = Number(values.from ?? 1);
const to = Number(values.to ?? 1000);
const step = Number(values.step ?? 1);

// Imported only now, after the hook is in place.
const { planFrom, planOf } = await import('../src/index.ts');
const { simulateGuarded } = await import('../src/io/index.ts');
const { storyLines } = await import('../src/report/index.ts');
if (bug !== undefined && planted.modules !== 1)
  throw new Error(`planted bug ${bug.name}: ${bug.file} is not loaded`);

function keptPlan(name: string): Plan {
  const file = join(import.meta.dirname, '..', 'test', 'scenarios', 'plans', `${name}.json`);
  return planFrom(JSON.parse(readFileSync(file, 'utf8')));
}

function run(plan: Plan): Finding | undefined {
  const { seed } = plan;
  try {
    const told = simulateGuarded(plan);
    const { checker, sentence } = told;
    if (checker === undefined) return undefined;
    const origin = storyLines(told).find((line) => MARKED.test(line));
    return { seed, checker, sentence: sentence ?? '', ...(origin === undefined ? {} : { origin }) };
  } catch (error) {
    return { seed, checker: 'crashed', sentence: error instanceof Error ? error.message : String(error) };
  }
}

function* plans(): Generator<Plan, void> {
  if (bug?.plan !== undefined) yield keptPlan(bug.plan);
  else for (let seed = from; seed <= to; seed += step) yield planOf(seed);
}

/** Matches the line of a story that has the arrow: the violation began there. */
const MARKED = /^ *[\d.]+ →/;

const began = performance.now();
const others: Finding[] = [];
let found: Finding | null = null;
let runs = 0;
for (const plan of plans()) {
  const finding = run(plan);
  runs++;
  if (finding === undefined) continue;
  if (bug !== undefined && isExpected(bug, finding)) {
    found = finding;
    break;
  }
  if (others.length < FINDINGS_MAX) others.push(finding);
}
const report: ChildReport = { runs, seconds: (performance.now() - began) / 1000, found, others };
process.stdout.write(`${JSON.stringify(report)}\n`);
