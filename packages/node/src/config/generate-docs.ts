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
  Topics:
    'Settings for topics. If a row names a topic config, a topic that sets this config overrides the setting.',
  Replication: 'How followers fetch, and when they leave the ISR.',
  Groups: 'Consumer groups and committed offsets.',
  Connections: 'Limits for clients.',
  Operation: 'Start, health and logs.',
};

const HEAD = `# Configuration

<!-- Do not edit: packages/node/src/config/generate-docs.ts writes this page from table.ts beside it. -->

Settings carry Kafka’s property names. A node reads its settings from the sources below. If several sources
have the same setting, the last of them in this list wins:

1. a file: \`.properties\` as in Kafka, or YAML (\`log.dirs: /data\`). In YAML, the node joins the keys of nested
   maps with dots, and the elements of lists with commas;
2. environment variables in the form of Kafka’s official image (\`KAFKA_LOG_DIRS\` is \`log.dirs\`). The name of
   the variable is \`KAFKA_\` and the name of the setting in upper case, with \`_\` for a dot, \`__\` for an
   underscore and \`___\` for a dash;
3. \`--set key=value\` on the command line.

The node refuses to start when a setting is unknown or has an invalid value. The message names the setting,
the value and the allowed values. This page lists every setting that Millrace supports. Millrace refuses every
other setting of Kafka, and silently ignores none.

A row may be marked *Dynamic*. AlterConfigs and IncrementalAlterConfigs (\`kafka-configs.sh\`, \`millrace
config\`) change such a setting without a restart, for one broker or for all brokers. A dynamic value for one
broker overrides a dynamic value for all brokers. A dynamic value overrides the value that the node read at
its start. As in Kafka with eligible leader replicas, a request can set \`min.insync.replicas\` only for all
brokers. Once \`min.insync.replicas\` is set in this way, no request can remove it.

In the code, \`packages/node/src/config/table.ts\` has these settings. If a row names a topic config, the
default of the setting is in \`packages/metadata/src/topic-config-table.ts\`.
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
