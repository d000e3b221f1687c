/**
 * Checks the settings of all nodes of a local cluster before the command writes a file. The check is the same
 * as the one that each node makes at its start.
 */
import { configFrom } from '@millrace/node/config';
import { clusterFile, type Layout, nodesOf, settingsOf } from './layout.ts';

/**
 * If a setting of a node is not allowed, throws a ConfigError that names the setting, its source and the
 * allowed values. `set`: the settings that this command got with --set.
 */
export function refuseBadSettings(layout: Layout, set: Readonly<Record<string, string>>): void {
  const sourceOf = (key: string) => {
    if (Object.hasOwn(set, key)) return `--set ${key}`;
    if (!Object.hasOwn(layout.settings, key)) return 'the layout of the cluster';
    return `${clusterFile(layout.directory)}, --set ${key}= removes it`;
  };
  for (const node of nodesOf(layout)) {
    const settings = Object.entries(settingsOf(layout, node));
    configFrom(new Map(settings.map(([key, value]) => [key, { value, source: sourceOf(key) }])));
  }
}
