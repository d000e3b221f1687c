/** Runs child.ts in a process of its own, and returns its report. */
import { join } from 'node:path';
import { jsonOfChild } from '@millrace/base/testing/io';
import type { ChildReport } from './child.ts';

export interface Seeds {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** `bug`: the name of the planted bug; '': none. Rejects with what the child complains about if it fails. */
export function runChild(bug: string, { from, to, step }: Seeds): Promise<ChildReport> {
  const child = join(import.meta.dirname, 'child.ts');
  return jsonOfChild([child, `${from}`, `${to}`, `${step}`], { PLANTED_BUG: bug });
}
