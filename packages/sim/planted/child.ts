/**
 * Runs seeds in a process of its own: with the bug of hook.ts until a failure identifies the bug, or without
 * a bug as a control. `--from A --to B --step N`. Prints one line of JSON.
 */
import { parseArgs } from 'node:util';
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
const { planOf } = await import('../src/index.ts');
const { simulateGuarded } = await import('../src/io/index.ts');
const { storyLines } = await import('../src/report/index.ts');
if (bug !== undefined && planted.modules !== 1)
  throw new Error(`planted bug ${bug.name}: ${bug.file} is not loaded`);

function run(seed: number): Finding | undefined {
  try {
    const told = simulateGuarded(planOf(seed));
    const { checker, sentence } = told;
    if (checker === undefined) return undefined;
    const origin = storyLines(told).find((line) => MARKED.test(line));
    return { seed, checker, sentence: sentence ?? '', ...(origin === undefined ? {} : { origin }) };
  } catch (error) {
    return { seed, checker: 'crashed', sentence: error instanceof Error ? error.message : String(error) };
  }
}

/** A line of a story with the arrow. */
const MARKED = /^ *[\d.]+ →/;

const began = performance.now();
const others: Finding[] = [];
let found: Finding | null = null;
let runs = 0;
for (let seed = from; seed <= to && found === null; seed += step) {
  const finding = run(seed);
  runs++;
  if (finding === undefined) continue;
  if (bug !== undefined && isExpected(bug, finding)) found = finding;
  else if (others.length < FINDINGS_MAX) others.push(finding);
}
const report: ChildReport = { runs, seconds: (performance.now() - began) / 1000, found, others };
process.stdout.write(`${JSON.stringify(report)}\n`);
