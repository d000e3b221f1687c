/** The type of one row in the table of settings (table.ts). */
import { assert } from '@millrace/base';
import { topicConfigDefinition } from '@millrace/metadata/topic-config';
import type { SettingType } from './types.ts';

export type SettingGroup =
  | 'Node'
  | 'Quorum'
  | 'Topics'
  | 'Replication'
  | 'Groups'
  | 'Connections'
  | 'Operation';

export interface SettingDefinition<T> {
  readonly type: SettingType<T>;
  /** The default value as a user would write it. Undefined: the user must set a value. */
  readonly default: string | undefined;
  readonly group: SettingGroup;
  /** A few sentences for docs/configuration.md. The property's name or this text gives the unit. */
  readonly documentation: string;
  /** Says why the default differs from Kafka's, or that Kafka has no such setting. */
  readonly differs?: string;
  /**
   * True: AlterConfigs may change the setting while the broker runs. For a `topicSetting`,
   * `isDynamic` decides (broker-settings.ts).
   */
  readonly dynamic?: boolean;
  /** The topic config to which this setting gives the default, for the topics that do not set this config. */
  readonly topicConfig?: string;
}

/** A setting that gives the default of a topic config. */
export interface TopicSettingDefinition<T> extends SettingDefinition<T> {
  readonly topicConfig: string;
}

/** A setting. The user must set it if it has no default. */
export function setting<T>(
  group: SettingGroup,
  type: SettingType<T>,
  defaultText: string | undefined,
  documentation: string,
  more: { differs?: string; dynamic?: boolean } = {},
): SettingDefinition<T> {
  return { type, default: defaultText, group, documentation, ...more };
}

/**
 * A setting of topics: it gives the default of a topic config. The default of the setting itself is that of
 * the topic config, in metadata/src/topic-config-table.ts. `unitMs`: the milliseconds in one unit of this
 * setting, if the topic config is in milliseconds and the setting is not.
 */
export function topicSetting<T>(
  topicConfig: string,
  type: SettingType<T>,
  documentation: string,
  { differs, unitMs }: { differs?: string; unitMs?: number } = {},
): TopicSettingDefinition<T> {
  const definition = topicConfigDefinition(topicConfig);
  assert(definition !== undefined, 'a known topic config');
  const { defaultValue } = definition;
  return {
    type,
    default: unitMs === undefined ? defaultValue : String(Number(defaultValue) / unitMs),
    group: 'Topics',
    documentation,
    topicConfig,
    ...(differs === undefined ? {} : { differs }),
  };
}
