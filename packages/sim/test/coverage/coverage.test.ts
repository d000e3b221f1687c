/**
 * The declaration of coverage against the sources of production: nothing that can be answered or logged is
 * forgotten.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CoverageArea, coverage, faultKinds, missingCoverage } from '../../src/index.ts';

const ROOT = join(import.meta.dirname, '../../../..');

function area(name: string): CoverageArea {
  return coverage.find((one) => one.name === name)!;
}

/** Everything that the pattern's group finds in these files. */
function mentioned(globs: readonly string[], pattern: RegExp): string[] {
  const found = new Set<string>();
  for (const file of globSync([...globs], { cwd: ROOT }))
    for (const [, name] of readFileSync(join(ROOT, file), 'utf8').matchAll(pattern)) found.add(name!);
  return [...found].sort();
}

const ERROR_CODES = /\bErrorCode\.([A-Z][A-Z_0-9]*)/g;

/**
 * The event of each call that logs, or both where it is one of two. The simulator's own sources are left out:
 * they quote the names of events, in the story and in what is counted, and that proves nothing.
 */
function loggedByProduction(): Set<string> {
  const firstArguments = mentioned(
    ['packages/!(sim)/src/**/*.ts'],
    /(?:\.(?:debug|info|warn|error)\(|\.logEvent\('[a-z]+',)([^{;)]*)/g,
  );
  const names = firstArguments.flatMap((text) => [...text.matchAll(/'([a-z]+(?:-[a-z]+)*)'/g)]);
  return new Set(names.map(([, name]) => name!));
}

/**
 * A broker answers for its partitions, and for the controller when that cannot: its files belong to whom they
 * speak for.
 */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  'partition error': [
    'packages/replication/src/**/*.ts',
    'packages/log/src/**/*.ts',
    'packages/protocol/src/record-*.ts',
    'packages/broker/src/handlers/{produce,fetch,list-offsets}.ts',
  ],
  'controller error': [
    'packages/controller/src/**/*.ts',
    'packages/node/src/roles/control-service.ts',
    'packages/broker/src/control/**/*.ts',
    'packages/broker/src/handlers/{topics,init-producer-id}.ts',
  ],
};

test.each(Object.keys(SOURCES))('every code that the source can answer is a %s, or exempt', (name) => {
  const { items, exempt } = area(name);
  const declared = [...items, ...exempt].map((one) => one.name).sort();
  expect(declared).toEqual(mentioned(SOURCES[name]!, ERROR_CODES).filter((code) => code !== 'NONE'));
});

test('every kind of election that the controller tells apart, and every reason, is asked for or exempt', () => {
  const source = readFileSync(join(ROOT, 'packages/controller/src/log-delta.ts'), 'utf8');
  const from = source.indexOf('function kindOf(');
  expect(from).toBeGreaterThan(0);
  const told = [...source.slice(from).matchAll(/'([a-z]+(?:-[a-z]+)*)'/g)].map(([, name]) => name);
  const { items, exempt } = area('partition election');
  const asked = items.flatMap(({ keys }) =>
    keys.flatMap((key) => /^log leader-elected (?:kind|reason)=(.+)$/.exec(key)?.[1] ?? []),
  );
  expect([...asked, ...exempt.map(({ name }) => name)].sort()).toEqual(told.sort());
});

/** A method's reasons. Its parameter is a union of literals and of nothing else, or one could hide here. */
function reasonsOf(source: string, method: string): string[] {
  const union = new RegExp(`\\b${method}\\(offset: Offset, reason: ([^)]+)\\): void`).exec(source)?.[1] ?? '';
  expect(union, method).toMatch(/^'[a-z-]+'(?: \| '[a-z-]+')*$/);
  return [...union.matchAll(/'([a-z-]+)'/g)].map(([, reason]) => reason!);
}

test('every reason for which a replica cuts its log, or throws it away, is asked for or exempt', () => {
  const source = readFileSync(join(ROOT, 'packages/replication/src/partition/partition.ts'), 'utf8');
  const told = [
    ...reasonsOf(source, 'truncateTo').map((reason) => ({ event: 'replica-truncated', reason })),
    ...reasonsOf(source, 'restartAt').map((reason) => ({ event: 'replica-restarted', reason })),
  ];
  const { items, exempt } = area('truncation');
  const asked = items.flatMap(({ keys }) => keys).filter((key) => key.includes(' reason='));
  const toAsk = told.filter(({ reason }) => exempt.every(({ name }) => name !== reason));
  expect(asked.sort()).toEqual(toAsk.map(({ event, reason }) => `log ${event} reason=${reason}`).sort());
  // What is exempt is such a reason, or an event of its own: nothing is excused that is not there any more.
  const known = loggedByProduction();
  for (const { reason } of told) known.add(reason);
  expect(exempt.filter(({ name }) => !known.has(name))).toEqual([]);
});

test('every fault kind is asked for', () => {
  expect(area('fault').items.map(({ name }) => name)).toEqual(faultKinds.map(({ name }) => name));
});

test('every event that coverage waits for is one that production logs', () => {
  const logged = [...loggedByProduction()];
  for (const { items } of coverage)
    for (const { name, keys } of items)
      for (const key of keys) {
        const event = /^log ([a-z-]+)/.exec(key)?.[1];
        if (event !== undefined) expect(logged, name).toContain(event);
      }
});

test('names are given once, sentences and reasons are there', () => {
  for (const { items, exempt } of coverage) {
    const names = [...items, ...exempt].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { sentence, keys } of items) expect(sentence !== '' && keys.length > 0).toBe(true);
    for (const { reason } of exempt) expect(reason.length).toBeGreaterThan(20);
  }
});

test('what no count proves is missing, by name and with the counts that would prove it', () => {
  const all = coverage.flatMap(({ items }) => items);
  const counts = new Map(all.flatMap(({ keys }) => keys.map((key) => [key, 1] as const)));
  expect(missingCoverage(counts)).toEqual([]);
  counts.delete('log quorum-lost');
  expect(missingCoverage(counts)).toEqual([
    'quorum election check-quorum: a leader that a majority does not fetch from gives up (log quorum-lost)',
  ]);
  expect(missingCoverage(new Map())).toHaveLength(all.length);
});
