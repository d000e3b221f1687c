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
  const check = topicConfig === undefined ? checkType : definitionOf(topicConfig).check;
  return {
    isDynamic: isDynamic(name, definition),
    defaultList: type.name === 'list' ? (definition.default ?? '') : undefined,
    check,
  };
}

function definitionOf(topicConfig: string) {
  return topicConfigDefinitions.find(({ name }) => name === topicConfig)!;
}
