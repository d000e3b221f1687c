/**
 * Makes docs/configuration.md from the table of settings: `node packages/node/src/config/generate-docs.ts`.
 * A test checks that the committed file is what this makes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SettingDefinition, SettingGroup } from './definition.ts';
import { settingNames, settingsTable } from './table.ts';

export const documentPath: string = join(import.meta.dirname, '../../../../docs/configuration.md');

const GROUPS: Record<SettingGroup, string> = {
  Node: 'What the node is, where it listens, where its data lies.',
  Quorum: 'The controllers, and how soon a dead node is noticed.',
  Topics: 'Defaults for topics. A topic’s own config overrides these.',
  Replication: 'How followers fetch and when they count.',
  Connections: 'Limits of what clients may use.',
  Operation: 'Starting, watching, logging.',
};

const HEAD = `# Configuration

<!-- Made by packages/node/src/config/generate-docs.ts from the table of settings. Do not edit. -->

Settings carry Kafka’s property names. A node reads, each overriding the one above it:

1. a file: \`.properties\` as Kafka’s, or YAML (\`log.dirs: /data\`, nested maps are joined by dots, lists by
   commas);
2. environment variables in the form of Kafka’s official image: \`KAFKA_\` and the name in upper case with \`_\`
   for a dot, \`__\` for an underscore, \`___\` for a dash (\`KAFKA_LOG_DIRS\` is \`log.dirs\`);
3. \`--set key=value\` on the command line.

A setting that is unknown or has a value that is not allowed stops the start with a message that names the
key, the value and what is allowed. Only what Millrace honours is listed here; a setting of Kafka that is
missing is refused, not ignored.
`;

export function generateDocument(): string {
  const sections = Object.entries(GROUPS).map(([group, introduction]) => {
    const rows = settingNames
      .filter((name) => settingsTable[name].group === group)
      .map((name) => row(name, settingsTable[name]));
    return `\n## ${group}\n\n${introduction}\n\n| setting | type | default | what it does |\n|---|---|---|---|\n${rows.join('\n')}\n`;
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
  if (definition.topicConfig !== undefined) sentences.push(`Topic config: \`${definition.topicConfig}\`.`);
  if (definition.differs !== undefined) sentences.push(definition.differs);
  return `| \`${name}\` | ${definition.type.name} | ${fallback} | ${sentences.join(' ').replaceAll('|', '\\|')} |`;
}

if (import.meta.main) writeFileSync(documentPath, generateDocument());
