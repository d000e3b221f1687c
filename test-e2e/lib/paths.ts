/** The cache of the end-to-end tests, for downloads and generated files: one folder that git ignores. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const testRoot: string = dirname(dirname(fileURLToPath(import.meta.url)));
export const repositoryRoot: string = dirname(testRoot);
export const cacheRoot: string = join(repositoryRoot, '.cache');

/** A folder below the cache; creates it when absent. */
export function cacheFolder(...names: string[]): string {
  const folder = join(cacheRoot, ...names);
  mkdirSync(folder, { recursive: true });
  return folder;
}
