/**
 * Makes docs/protocol.md from the schema tables and the table of justified differences:
 * `node test-e2e/wire/generate-docs.ts`. A test checks that the committed file is what this makes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnyApi, apis } from '@millrace/protocol';
import { repositoryRoot } from '../lib/paths.ts';
import { type Justification, justifications } from './justified.ts';

export const documentPath: string = join(repositoryRoot, 'docs', 'protocol.md');

const HEAD = `# Protocol

<!-- Made by test-e2e/wire/generate-docs.ts from the tables in code. Do not edit. -->

Millrace speaks the Kafka protocol on the wire. Clients find these APIs and versions in ApiVersions; what is
not listed here closes the connection, as in Apache Kafka.

| key | API | versions | flexible from |
|---|---|---|---|
`;

const DIFFERENCES = `
## Where Millrace answers other than Apache Kafka 4.3.1

\`npm run compare:wire\` sends odd requests of every API and version to both, side by side: bytes behind the
body, unknown tagged fields, null where it is allowed and where it is not, empty arrays and duplicates,
numbers at the ends of their range, lengths that lie, requests that are cut short, unknown topics and
versions. It compares the answers field by field and fails on a difference that is not listed here. Ids,
ports, times and the wording of messages are left out.

| API | versions | when | what, and why it stays |
|---|---|---|---|
`;

export function generateDocument(): string {
  const ranges = (Object.values(apis) as AnyApi[]).sort((a, b) => a.key - b.key).map(rangeRow);
  return HEAD + ranges.join('') + DIFFERENCES + justifications.map(differenceRow).join('');
}

function rangeRow({ key, name, minVersion, advertisedMinVersion, maxVersion, flexibleFrom }: AnyApi): string {
  const told =
    advertisedMinVersion < minVersion ? ` (told from ${advertisedMinVersion} on, for old librdkafka)` : '';
  const flexible = flexibleFrom <= maxVersion ? String(flexibleFrom) : '-';
  const range = minVersion === maxVersion ? String(minVersion) : `${minVersion}-${maxVersion}`;
  return `| ${key} | ${name} | ${range}${told} | ${flexible} |\n`;
}

function differenceRow({ api, versions, when, reason }: Justification): string {
  const [min, max] = versions?.split('-') ?? [];
  const range = versions === undefined ? 'all' : min === max ? min : versions;
  return `| ${api ?? 'any'} | ${range} | ${when} | ${reason} |\n`;
}

if (import.meta.main) writeFileSync(documentPath, generateDocument());
