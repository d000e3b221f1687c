/** One row of the table of settings. Owns no settings. */
import type { SettingType } from './types.ts';

export type SettingGroup = 'Node' | 'Quorum' | 'Topics' | 'Replication' | 'Connections' | 'Operation';

export interface SettingDefinition<T> {
  readonly type: SettingType<T>;
  /** As a user would write it. Undefined: the user must set it. */
  readonly default: string | undefined;
  readonly group: SettingGroup;
  /** One or two sentences for docs/configuration.md. The property's name or this text gives the unit. */
  readonly documentation: string;
  /** Says why the default differs from Kafka's, or that Kafka has no such setting. */
  readonly differs?: string;
  /** The topic config for which this setting is the default. */
  readonly topicConfig?: string;
}

/** A setting. The user must set it if it has no default. */
export function setting<T>(
  group: SettingGroup,
  type: SettingType<T>,
  defaultText: string | undefined,
  documentation: string,
  more: { differs?: string; topicConfig?: string } = {},
): SettingDefinition<T> {
  return { type, default: defaultText, group, documentation, ...more };
}
