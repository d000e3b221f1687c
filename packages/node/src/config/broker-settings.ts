/** Says which settings requests may change while a broker runs, and which values these requests may give. */
import type { BrokerSetting } from '@millrace/metadata';
import { topicConfigDefinition } from '@millrace/metadata/topic-config';
import type { SettingDefinition } from './definition.ts';
import { settingNames, settingsTable } from './table.ts';
import { INVALID } from './types.ts';

interface Bounds {
  readonly min: number;
  readonly max: number;
}

/**
 * Every setting, by name. `bounds`: the smallest and largest values that other settings of the node
 * prescribe.
 */
export function brokerSettings(
  bounds: ReadonlyMap<string, Bounds> = new Map(),
): ReadonlyMap<string, BrokerSetting> {
  return new Map(
    settingNames.map((name) => [name, brokerSetting(name, settingsTable[name], bounds.get(name))]),
  );
}

/**
 * A setting that gives the default of a topic config is dynamic, as in Kafka. If several settings give the
 * default of one topic config, only the one that overrides the others is dynamic.
 */
export function isDynamic(name: string, { topicConfig, dynamic }: SettingDefinition<unknown>): boolean {
  if (topicConfig === undefined) return dynamic === true;
  return topicConfigDefinition(topicConfig)!.serverProperties[0]!.name === name;
}

function brokerSetting(
  name: string,
  definition: SettingDefinition<unknown>,
  bounds: Bounds | undefined,
): BrokerSetting {
  const { type, topicConfig } = definition;
  const checkType = (value: string) =>
    type.parse(value.trim()) === INVALID ? `must be ${type.allowed}` : undefined;
  // The check of the topic config comes first, because its message names the limit. The type of the setting
  // comes second, because it may allow fewer values. For example, retention.ms may be 0, but log.retention.ms
  // may not: every topic that sets no retention.ms would lose its records.
  const check = (value: string) =>
    (topicConfig === undefined ? undefined : topicConfigDefinition(topicConfig)!.check(value)) ??
    checkType(value) ??
    checkBounds(Number(value), bounds);
  return {
    isDynamic: isDynamic(name, definition),
    defaultList: type.name === 'list' ? (definition.default ?? '') : undefined,
    check,
  };
}

function checkBounds(value: number, bounds: Bounds | undefined): string | undefined {
  if (bounds === undefined || (value >= bounds.min && value <= bounds.max)) return undefined;
  return `must be an integer from ${bounds.min} to ${bounds.max}`;
}
