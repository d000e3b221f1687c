/**
 * Goal: the table of settings and the table of topic configs agree. Method: compares all settings that give
 * the default of a topic config.
 */
import { topicConfigDefinitions } from '@millrace/metadata';
import { expect, test } from 'vitest';
import type { SettingDefinition } from '../../src/config/definition.ts';
import { type SettingName, settingNames, settingsTable } from '../../src/config/index.ts';
import { INVALID } from '../../src/config/types.ts';

const shared = settingNames.flatMap((name) => {
  const { topicConfig }: SettingDefinition<unknown> = settingsTable[name];
  return topicConfig === undefined ? [] : [{ name, topicConfig }];
});

test.each(shared)('$name is the default of $topicConfig', ({ name, topicConfig }) => {
  const definition = topicConfigDefinitions.find((entry) => entry.name === topicConfig)!;
  const property = definition.serverProperties.find((one) => one.name === name);
  expect(property).toBeDefined();
  const setting: SettingDefinition<unknown> = settingsTable[name];
  const inUnit =
    property!.factor === 1
      ? definition.defaultValue
      : String(Number(definition.defaultValue) / property!.factor);
  expect(setting.type.parse(inUnit)).toEqual(setting.type.parse(setting.default!));
  for (const text of [
    '-1',
    '0',
    '1',
    '10',
    '14',
    '1048576',
    '2147483647',
    '9223372036854775807',
    'x',
    'true',
    'LogAppendTime',
  ]) {
    const allowedHere = setting.type.parse(text) !== INVALID;
    if (allowedHere) expect([text, definition.check(text)]).toEqual([text, undefined]);
  }
});

test('if a broker property of a topic config is a setting, the setting names this topic config', () => {
  for (const definition of topicConfigDefinitions) {
    for (const { name } of definition.serverProperties) {
      if (!settingNames.includes(name as SettingName)) continue;
      expect(shared).toContainEqual({ name, topicConfig: definition.name });
    }
  }
});
