/** The scenarios that come with the command, as YAML files in `assets/scenarios/`. */
import { listAssets, readAsset } from '../assets.ts';
import { parseScenario } from './parse.ts';
import type { Scenario } from './types.ts';

const FOLDER = 'scenarios';

/** The names of all built-in scenarios, sorted. */
export function builtinNames(): string[] {
  return listAssets(FOLDER)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort();
}

/** Throws if there is no such scenario. */
export function builtinScenario(name: string): Scenario {
  const file = `${name}.yaml`;
  return parseScenario(readAsset(`${FOLDER}/${file}`), file);
}
