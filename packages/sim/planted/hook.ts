/**
 * Preloaded (`--import`) into a process. The environment variable PLANTED_BUG names a planted bug. When Node
 * loads the source file that the bug changes, the hook replaces one line of the file. Without the variable
 * the hook does nothing.
 */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bugs } from './bugs.ts';
import { type PlantedBug, plant } from './patch.ts';

export const bug: PlantedBug | undefined = namedBug(process.env['PLANTED_BUG'] ?? '');
/** Number of modules with a replaced line. Must be 1 when everything is loaded. */
export const planted = { modules: 0 };

function namedBug(name: string): PlantedBug | undefined {
  if (name === '') return undefined;
  const found = bugs.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no planted bug '${name}'`);
  return found;
}

if (bug !== undefined) {
  const root = join(import.meta.dirname, '..', '..', '..');
  const place = pathToFileURL(join(root, bug.file)).href;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== place) return loaded;
      planted.modules++;
      const { source } = loaded;
      if (source === undefined || source === null) throw new Error(`planted bug ${bug.name}: no source`);
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
      return { ...loaded, source: plant(bug, text) };
    },
  });
}
