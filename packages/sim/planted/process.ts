/** Runs child.ts in a process of its own, with one planted bug or none, and returns its report. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
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
  const { promise, resolve, reject } = Promise.withResolvers<ChildReport>();
  const running = spawn(process.execPath, [...SIMULATOR_FLAGS, '--import', hook, child, ...numbers], {
    env: { ...process.env, PLANTED_BUG: bug?.name ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let complaint = '';
  running.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  running.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  running.on('error', reject);
  running.on('close', (code) => {
    if (code === 0) resolve(JSON.parse(out) as ChildReport);
    else reject(new Error(`${bug?.name ?? 'control'}: the child ended with ${code}: ${complaint}`));
  });
  return promise;
}
