/**
 * A hook that a process loads before its program (`node --import`). The environment variable PLANTED_BUG
 * names a planted bug. When Node loads the source file that the bug changes, the hook replaces one line of
 * the file. Without the variable the hook does nothing.
 */
import { join } from 'node:path';
import { plantOnLoad } from '@millrace/base/testing';
import { bugs } from './bugs/index.ts';
import type { PlantedBug } from './patch.ts';

export const bug: PlantedBug | undefined = namedBug(process.env['PLANTED_BUG'] ?? '');
/** Counts the modules in which the hook has replaced a line. Must be 1 when everything is loaded. */
export const planted =
  bug === undefined ? { modules: 0 } : plantOnLoad(bug, join(import.meta.dirname, '..', '..', '..'));

function namedBug(name: string): PlantedBug | undefined {
  if (name === '') return undefined;
  const found = bugs.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no planted bug '${name}'`);
  return found;
}
