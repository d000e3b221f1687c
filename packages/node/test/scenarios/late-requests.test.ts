/**
 * Goal: for every request that a caller may retry, docs/late-requests.md says why a late copy is harmless.
 * Method: compares the tables of this page with the methods of brokers and controllers, and with the APIs of
 * the protocol.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { controlCalls, controlSession } from '@millrace/control';
import { apis } from '@millrace/protocol';
import { raftMethods } from '@millrace/raft';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
const page = readFileSync(join(ROOT, 'docs', 'late-requests.md'), 'utf8');

interface Row {
  readonly name: string;
  readonly reason: string;
  readonly files: readonly string[];
}

function rowsBelow(heading: string): Row[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(heading))!;
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [, name, reason, where] = line.split('|').map((cell) => cell.trim());
      return { name: name!.replaceAll('`', ''), reason: reason!, files: quoted(where!) };
    });
}

function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word!);
}

test('every method between brokers and controllers has one row', () => {
  const methods = [
    controlSession.name,
    ...Object.values(controlCalls).map(({ name }) => name),
    ...Object.values(raftMethods),
  ];
  expect(rowsBelow('Between brokers and controllers').map(({ name }) => name)).toEqual(methods);
});

test('every API of the protocol has one row', () => {
  expect(rowsBelow('Kafka requests').map(({ name }) => name)).toEqual(
    Object.values(apis).map(({ name }) => name),
  );
});

test('every row has a reason, and its files exist', () => {
  const rows = [...rowsBelow('Between brokers and controllers'), ...rowsBelow('Kafka requests')];
  for (const { name, reason, files } of rows) {
    expect(reason.length, name).toBeGreaterThan(5);
    if (!reason.startsWith('The request only reads')) expect(files.length, name).toBeGreaterThan(0);
    for (const file of files) expect(existsSync(join(ROOT, file)), file).toBe(true);
  }
});
