/**
 * Plants a bug in the product's code, to show that a test finds such a bug: replaces one line of a source
 * file when Node loads the file.
 */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface LinePatch {
  /** Kebab-case, unique. */
  readonly name: string;
  /** The source file that gets the bug: its path from the root of the repository. */
  readonly file: string;
  /** A whole line of the file, without its indentation. The file must contain the line exactly once. */
  readonly find: string;
  /** The line that replaces it. */
  readonly replace: string;
}

/**
 * Returns the source with the bug. Throws an error with the bug's name if the line does not occur exactly
 * once, or if `find` or `replace` is not a whole line without indentation.
 */
export function plant({ name, file, find, replace }: LinePatch, source: string): string {
  for (const line of [find, replace])
    if (line.includes('\n') || line !== line.trim())
      throw new Error(`planted bug ${name}: a whole line without indentation is found and replaced`);
  const lines = source.split('\n');
  const places = lines.flatMap((line, index) => (line.trim() === find ? [index] : []));
  if (places.length !== 1)
    throw new Error(`planted bug ${name}: ${file} has the line '${find}' ${places.length} times, not once`);
  const index = places[0]!;
  lines[index] = lines[index]!.replace(find, () => replace);
  return lines.join('\n');
}

/**
 * From now on, replaces the line when Node loads the file. `root`: the root of the repository. The returned
 * object counts the patched modules: 1 when everything is loaded.
 */
export function plantOnLoad(patch: LinePatch, root: string): { readonly modules: number } {
  const place = pathToFileURL(join(root, patch.file)).href;
  const planted = { modules: 0 };
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== place) return loaded;
      planted.modules++;
      const { source } = loaded;
      if (source === undefined || source === null) throw new Error(`planted bug ${patch.name}: no source`);
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
      return { ...loaded, source: plant(patch, text) };
    },
  });
  return planted;
}
