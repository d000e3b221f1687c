/** What one line of the table of settings says. Owns no settings. */
import type { SettingType } from './types.ts';

export type SettingGroup = 'Node' | 'Quorum' | 'Topics' | 'Replication' | 'Connections' | 'Operation';

export interface SettingDefinition<T> {
  readonly type: SettingType<T>;
  /** In the form a person would write it. Undefined: must be set. */
  readonly default: string | undefined;
  readonly group: SettingGroup;
  /** One or two sentences for docs/configuration.md. Units are in the property's name or said here. */
  readonly documentation: string;
  /** Why the default is not Kafka's, or that Kafka has no such setting. */
  readonly differs?: string;
  /** The topic config that this is the cluster's default of. */
  readonly topicConfig?: string;
}

/** A setting that may have a default. Without one it must be set. */
export function setting<T>(
  group: SettingGroup,
  type: SettingType<T>,
  defaultText: string | undefined,
  documentation: string,
  more: { differs?: string; topicConfig?: string } = {},
): SettingDefinition<T> {
  return { type, default: defaultText, group, documentation, ...more };
}
