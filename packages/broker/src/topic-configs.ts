/** Placeholder until metadata has the table. */
import type { ConfigTypeName } from './config.ts';
export interface TopicConfigDefinition {
  readonly name: string;
  readonly type: ConfigTypeName;
  readonly default: string;
  readonly serverProperty: string | undefined;
  readonly documentation: string;
}
export const topicConfigs: readonly TopicConfigDefinition[] = [];
