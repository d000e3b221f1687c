/**
 * Plays seeds in a process of its own, and prints one line of JSON: a `ChildReport`.
 * If PLANTED_BUG is set, it names the bug to plant.
 * Arguments: the first seed, the last one, and the step between two of them.
 */
import { join } from 'node:path';
import { plantOnLoad } from '@millrace/base/testing';
import { logBugs } from './planted-bugs.ts';

export interface ChildReport {
  readonly runs: number;
  readonly seconds: number;
  /** The first seed that failed, and how. */
  readonly failure: { readonly seed: number; readonly message: string } | null;
}

const name = process.env['PLANTED_BUG'] ?? '';
const bug = logBugs.find((one) => one.name === name);
if (bug === undefined && name !== '') throw new Error(`there is no planted bug '${name}'`);
const root = join(import.meta.dirname, '..', '..', '..', '..');
const planted = bug === undefined ? undefined : plantOnLoad(bug, root);
// Imported only now, so that the bug is in place.
const { failureOf } = await import('./play.ts');
if (planted !== undefined && planted.modules !== 1)
  throw new Error(`planted bug ${name}: ${bug!.file} is not loaded`);

const [from = 1, to = 1, step = 1] = process.argv.slice(2).map(Number);
const began = performance.now();
let failure: ChildReport['failure'] = null;
let runs = 0;
for (let seed = from; seed <= to && failure === null; seed += step) {
  const message = failureOf(seed);
  runs++;
  if (message !== undefined) failure = { seed, message };
}
const report: ChildReport = { runs, seconds: (performance.now() - began) / 1000, failure };
process.stdout.write(`${JSON.stringify(report)}\n`);
