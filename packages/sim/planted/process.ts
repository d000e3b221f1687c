/** Runs child.ts in a process of its own, with one planted bug or none, and returns its report. */
import { join } from 'node:path';
import { jsonOfChild } from '@millrace/base/testing/io';
import { SIMULATOR_FLAGS } from '../src/io/index.ts';
import type { ChildReport } from './child.ts';
import type { PlantedBug } from './patch.ts';

export interface SeedSteps {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/**
 * Runs these seeds in a child process. If `bug` is undefined, no bug is planted: this is the control. Rejects
 * with the child's standard error if the child fails.
 */
export function runChild(bug: PlantedBug | undefined, { from, to, step }: SeedSteps): Promise<ChildReport> {
  const hook = join(import.meta.dirname, 'hook.ts');
  const child = join(import.meta.dirname, 'child.ts');
  const numbers = ['--from', `${from}`, '--to', `${to}`, '--step', `${step}`];
  const words = [...SIMULATOR_FLAGS, '--import', hook, child, ...numbers];
  return jsonOfChild(words, { PLANTED_BUG: bug?.name ?? '' });
}
