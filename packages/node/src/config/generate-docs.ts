/**
 * Writes docs/configuration.md from the table of settings: `node packages/node/src/config/generate-docs.ts`.
 * A test compares the committed file with the generated one.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDynamic } from './broker-settings.ts';
import type { SettingDefinition, SettingGroup } from './definition.ts';
import { settingNames, settingsTable } from './table.ts';

export const documentPath: string = join(import.meta.dirname, '../../../../docs/configuration.md');

const GROUPS: Record<SettingGroup, string> = {
  Node: 'Roles, addresses and data folder of the node.',
  Quorum: 'The controllers, and the timeouts that detect a dead node.',
  Topics: 'Settings of topics. If a row names a topic config, the config of a topic overrides the setting.',
  Replication: 'How followers fetch, and when they leave the ISR.',
  Groups: 'Consumer groups and committed offsets.',
  Connections: 'Limits for clients.',
  Operation: 'Start, health and logs.',
};

const HEAD = `# Configuration

<!-- Do not edit: packages/node/src/config/generate-docs.ts writes this page from table.ts beside it. -->

Settings carry Kafka’s property names. A node reads these sources; each overrides the ones above it:

1. a file: \`.properties\` as in Kafka, or YAML (\`log.dirs: /data\`; the node joins the keys of nested maps by
   dots, and the elements of lists by commas);
2. environment variables in the form of Kafka’s official image: \`KAFKA_\` and the name in upper case with \`_\`
   for a dot, \`__\` for an underscore, \`___\` for a dash (\`KAFKA_LOG_DIRS\` is \`log.dirs\`);
3. \`--set key=value\` on the command line.

The node refuses to start when a setting is unknown or has an invalid value. The message names the key, the
value and the allowed values. This page lists every setting that Millrace honours. Millrace refuses every
other setting of Kafka; it ignores none.

AlterConfigs and IncrementalAlterConfigs (\`kafka-configs.sh\`, \`millrace config\`) change a setting marked
*Dynamic* without a restart, for one broker or for all brokers. A value for one broker overrides a value for
all brokers, and both override the configuration of the node. As in Kafka with eligible leader replicas, a
request can set \`min.insync.replicas\` only for all brokers, and no request can remove it then.

In the code, \`packages/node/src/config/table.ts\` has these settings. If a row names a topic config,
\`packages/metadata/src/topic-config-table.ts\` has the default.
`;

export function generateDocument(): string {
  const sections = Object.entries(GROUPS).map(([group, introduction]) => {
    const rows = settingNames
      .filter((name) => settingsTable[name].group === group)
      .map((name) => row(name, settingsTable[name]));
    return `\n## ${group}\n\n${introduction}\n\n| setting | type | default | effect |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return HEAD + sections.join('');
}

function row(name: string, definition: SettingDefinition<unknown>): string {
  const fallback =
    definition.default === undefined
      ? 'must be set'
      : definition.default === ''
        ? '-'
        : `\`${definition.default}\``;
  const sentences = [definition.documentation, `Allowed: ${definition.type.allowed}.`];
  if (isDynamic(name, definition)) sentences.push('Dynamic.');
  if (definition.topicConfig !== undefined) sentences.push(`Topic config: \`${definition.topicConfig}\`.`);
  if (definition.differs !== undefined) sentences.push(definition.differs);
  return `| \`${name}\` | ${definition.type.name} | ${fallback} | ${sentences.join(' ').replaceAll('|', '\\|')} |`;
}

if (import.meta.main) writeFileSync(documentPath, generateDocument());
