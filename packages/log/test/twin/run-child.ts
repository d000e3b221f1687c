/** Runs child.ts in a process of its own, and returns its report. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ChildReport } from './child.ts';

export interface Seeds {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** `bug`: the name of the planted bug; '': none. Rejects with what the child complains about if it fails. */
export function runChild(bug: string, { from, to, step }: Seeds): Promise<ChildReport> {
  const { promise, resolve, reject } = Promise.withResolvers<ChildReport>();
  const child = join(import.meta.dirname, 'child.ts');
  const running = spawn(process.execPath, [child, `${from}`, `${to}`, `${step}`], {
    env: { ...process.env, PLANTED_BUG: bug },
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
    else reject(new Error(`${bug || 'the child'} ended with ${code}: ${complaint}`));
  });
  return promise;
}
