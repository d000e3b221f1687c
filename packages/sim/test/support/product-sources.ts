/**
 * Reads the sources of the product as text, and finds the error codes in them. Coverage demands these codes.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CoverageArea, coverageOf } from '../../src/index.ts';

export const ROOT: string = join(import.meta.dirname, '../../../..');

/** All matches of the pattern's group in these files. */
export function mentioned(globs: readonly string[], pattern: RegExp): string[] {
  const found = new Set<string>();
  for (const file of globSync([...globs], { cwd: ROOT }))
    for (const [, name] of readFileSync(join(ROOT, file), 'utf8').matchAll(pattern)) found.add(name!);
  return [...found].sort();
}

/** The error codes that these files name. */
export function errorCodesIn(globs: readonly string[]): string[] {
  return mentioned(globs, /\bErrorCode\.([A-Z][A-Z_0-9]*)/g).filter((code) => code !== 'NONE');
}

/**
 * For each error area: the source files whose error codes count. Some files of the broker answer in place of
 * the controller, for example when the broker cannot reach the controller. They are listed under 'controller
 * error'. The handlers of data requests are listed under 'partition error'. The handler of DeleteRecords and
 * the files that look for the leader are listed under 'deletion error'.
 */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  'partition error': [
    'packages/replication/src/**/!(record-deletions|delete-records-service).ts',
    'packages/log/src/**/*.ts',
    'packages/protocol/src/record-*.ts',
    'packages/broker/src/handlers/{produce,fetch,list-offsets}.ts',
  ],
  'deletion error': [
    'packages/replication/src/partition/{partition,record-deletions}.ts',
    'packages/replication/src/partition-lookup.ts',
    'packages/replication/src/serving/delete-records-service.ts',
    'packages/broker/src/handlers/delete-records.ts',
  ],
  'controller error': [
    'packages/controller/src/**/*.ts',
    'packages/node/src/roles/control/*.ts',
    'packages/broker/src/control/**/*.ts',
    'packages/broker/src/handlers/{topics,init-producer-id}.ts',
  ],
  'group error': [
    'packages/coordinator/src/!(testing)/**/*.ts',
    'packages/broker/src/handlers/{committed-offsets,find-coordinator,group-membership,groups}.ts',
  ],
};

export const productErrorCodes: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(SOURCES).map(([name, globs]) => [name, errorCodesIn(globs)]),
);

export const coverage: readonly CoverageArea[] = coverageOf(productErrorCodes);
