/** Which settings of a broker change while it runs, and which values they may have then. */
import type { BrokerSetting } from '@millrace/metadata';
import { topicConfigDefinitions } from '@millrace/metadata/topic-config';
import type { SettingDefinition } from './definition.ts';
import { settingNames, settingsTable } from './table.ts';
import { INVALID } from './types.ts';

/** Every setting, by name. */
export function brokerSettings(): ReadonlyMap<string, BrokerSetting> {
  return new Map(settingNames.map((name) => [name, brokerSetting(name, settingsTable[name])]));
}

/**
 * As in Kafka, the fallback of a topic config is dynamic. If several settings are the fallback of one topic
 * config, only the strongest is dynamic.
 */
export function isDynamic(name: string, { topicConfig, dynamic }: SettingDefinition<unknown>): boolean {
  if (topicConfig === undefined) return dynamic === true;
  return definitionOf(topicConfig).serverProperties[0]!.name === name;
}

function brokerSetting(name: string, definition: SettingDefinition<unknown>): BrokerSetting {
  const { type, topicConfig } = definition;
  const checkType = (value: string) =>
    type.parse(value.trim()) === INVALID ? `must be ${type.allowed}` : undefined;
  // The topic config names the limit. The node may accept fewer values: retention.ms may be 0, but
  // log.retention.ms may not, because every topic that sets no retention.ms would lose its records.
  const check = (value: string) =>
    (topicConfig === undefined ? undefined : definitionOf(topicConfig).check(value)) ?? checkType(value);
  return {
    isDynamic: isDynamic(name, definition),
    defaultList: type.name === 'list' ? (definition.default ?? '') : undefined,
    check,
  };
}

function definitionOf(topicConfig: string) {
  return topicConfigDefinitions.find(({ name }) => name === topicConfig)!;
}
