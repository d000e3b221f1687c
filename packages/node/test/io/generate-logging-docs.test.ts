/** Goal: docs/logging.md agrees with the table of events. */
import { readFileSync } from 'node:fs';
import { eventsTable } from '@millrace/base';
import { expect, test } from 'vitest';
import { documentPath, generateDocument } from '../../src/io/generate-logging-docs.ts';

test('docs/logging.md is current (else: node packages/node/src/io/generate-logging-docs.ts)', () => {
  expect(readFileSync(documentPath, 'utf8')).toBe(generateDocument());
});

test('docs/logging.md has a row for each event of each part', () => {
  const names = Object.values(eventsTable).flatMap((events) => Object.keys(events));
  const rows = generateDocument().matchAll(/^\| `([a-z]+-[a-z-]+)` \| /gm);
  expect([...rows].map((match) => match[1])).toEqual(names);
});
