/**
 * Goal: the committed document matches the table of settings. Method: generates the document again and
 * compares.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { documentPath, generateDocument } from '../../src/config/generate-docs.ts';

test('docs/configuration.md is current (else: node packages/node/src/config/generate-docs.ts)', () => {
  expect(readFileSync(documentPath, 'utf8')).toBe(generateDocument());
});
