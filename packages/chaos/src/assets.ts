/**
 * Files of this package that are not code: the built-in scenarios, the schema of scenarios, the page of the
 * report. They lie in a folder `assets` beside the folder of the code, here and in the published package.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '..', 'assets');

/** `path`: for example `scenarios/all.yaml`. */
export function readAsset(path: string): string {
  return readFileSync(join(FOLDER, path), 'utf8');
}

export function listAssets(folder: string): string[] {
  return readdirSync(join(FOLDER, folder));
}
