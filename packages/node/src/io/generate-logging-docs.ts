/**
 * Makes docs/logging.md from the table of events: `node packages/node/src/io/generate-logging-docs.ts`. A
 * test checks that the committed file is what this makes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EventDefinition, type EventPart, eventsTable } from '@millrace/base';

export const documentPath: string = join(import.meta.dirname, '../../../../docs/logging.md');

const HEAD = `# Logging

<!-- Made by packages/node/src/io/generate-logging-docs.ts from the table of events. Do not edit. -->

A node writes one line for each event to its standard output. \`logger.level\` and \`logger.format\` set what it
writes and how ([configuration](configuration.md)). A line of JSON has these keys, and one for each fact:

| key | value |
|---|---|
| \`level\` | \`debug\`, \`info\`, \`warn\` or \`error\` |
| \`time\` | when, in UTC: \`2026-01-31T12:00:00.000Z\` |
| \`node\` | the id of the node |
| \`event\` | the name of the event |

Names of events and of facts are stable. A fact with a question mark is not on every line. In a sentence, the
name of a fact stands for its value.
`;

const TITLES: Readonly<Record<EventPart, string>> = {
  node: 'Every node',
  quorum: 'Controllers: the metadata quorum',
  controller: 'Controllers: brokers and topics',
  session: 'Brokers: the session with the controller',
  client: 'Brokers: clients',
  replica: 'Brokers: replicas',
  log: 'Brokers: logs',
};

export function generateDocument(): string {
  const sections = Object.entries(eventsTable).map(([part, events]) => {
    const rows = Object.entries(events as Readonly<Record<string, EventDefinition>>).map(row);
    const title = TITLES[part as EventPart];
    return `\n## ${title}\n\n| event | level | facts | what it says |\n|---|---|---|---|\n${rows.join('')}`;
  });
  return HEAD + sections.join('');
}

function row([name, { level, facts, says }]: [string, EventDefinition]): string {
  const names = facts.map((fact) => fact.replace(/^(\w+)(\??)$/, '`$1`$2')).join(', ');
  const levels = [level].flat().join(' or ');
  return `| \`${name}\` | ${levels} | ${names} | ${says.replaceAll(/\{(\w+)\}/g, '`$1`')} |\n`;
}

if (import.meta.main) writeFileSync(documentPath, generateDocument());
