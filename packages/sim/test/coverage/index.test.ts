/**
 * Goal: coverage lists every error code, election, truncation and fault. Method: compare it with the sources
 * of production.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CoverageArea, coverage, faultKinds, missingCoverage } from '../../src/index.ts';

const ROOT = join(import.meta.dirname, '../../../..');

function area(name: string): CoverageArea {
  return coverage.find((one) => one.name === name)!;
}

/** All matches of the pattern's group in these files. */
function mentioned(globs: readonly string[], pattern: RegExp): string[] {
  const found = new Set<string>();
  for (const file of globSync([...globs], { cwd: ROOT }))
    for (const [, name] of readFileSync(join(ROOT, file), 'utf8').matchAll(pattern)) found.add(name!);
  return [...found].sort();
}

const ERROR_CODES = /\bErrorCode\.([A-Z][A-Z_0-9]*)/g;

/**
 * The event name in each log call; both names if the call chooses between two. Leaves out the simulator's own
 * sources: they quote event names in the story and in counts, which proves nothing.
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
 * A broker answers for its partitions, and for the controller when the controller cannot. Each of its files
 * belongs to the side whose errors it answers.
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
    'packages/node/src/roles/control/*.ts',
    'packages/broker/src/control/**/*.ts',
    'packages/broker/src/handlers/{topics,init-producer-id}.ts',
  ],
};

test.each(Object.keys(SOURCES))('every error code in the source is a %s, or exempt', (name) => {
  const { items, exempt } = area(name);
  const declared = [...items, ...exempt].map((one) => one.name).sort();
  expect(declared).toEqual(mentioned(SOURCES[name]!, ERROR_CODES).filter((code) => code !== 'NONE'));
});

test('every kind of election of the controller, and every reason, is demanded or exempt', () => {
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

/**
 * A method's reasons. Its parameter must be a union of literals alone, because any other type could hide one.
 */
function reasonsOf(source: string, method: string): string[] {
  const union = new RegExp(`\\b${method}\\(offset: Offset, reason: ([^)]+)\\): void`).exec(source)?.[1] ?? '';
  expect(union, method).toMatch(/^'[a-z-]+'(?: \| '[a-z-]+')*$/);
  return [...union.matchAll(/'([a-z-]+)'/g)].map(([, reason]) => reason!);
}

test('every reason for which a replica truncates or deletes its log is demanded or exempt', () => {
  const source = readFileSync(join(ROOT, 'packages/replication/src/partition/partition.ts'), 'utf8');
  const told = [
    ...reasonsOf(source, 'truncateTo').map((reason) => ({ event: 'replica-truncated', reason })),
    ...reasonsOf(source, 'restartAt').map((reason) => ({ event: 'replica-restarted', reason })),
  ];
  const { items, exempt } = area('truncation');
  const asked = items.flatMap(({ keys }) => keys).filter((key) => key.includes(' reason='));
  const toAsk = told.filter(({ reason }) => exempt.every(({ name }) => name !== reason));
  expect(asked.sort()).toEqual(toAsk.map(({ event, reason }) => `log ${event} reason=${reason}`).sort());
  // Every exempt name is a reason that the code still gives, or an event that it still logs.
  const known = loggedByProduction();
  for (const { reason } of told) known.add(reason);
  expect(exempt.filter(({ name }) => !known.has(name))).toEqual([]);
});

test('every fault kind is demanded', () => {
  expect(area('fault').items.map(({ name }) => name)).toEqual(faultKinds.map(({ name }) => name));
});

test('production logs every event that coverage demands', () => {
  const logged = [...loggedByProduction()];
  for (const { items } of coverage)
    for (const { name, keys } of items)
      for (const key of keys) {
        const event = /^log ([a-z-]+)/.exec(key)?.[1];
        if (event !== undefined) expect(logged, name).toContain(event);
      }
});

test('names are unique, and sentences and reasons are not empty', () => {
  for (const { items, exempt } of coverage) {
    const names = [...items, ...exempt].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { sentence, keys } of items) expect(sentence !== '' && keys.length > 0).toBe(true);
    for (const { reason } of exempt) expect(reason.length).toBeGreaterThan(20);
  }
});

test('an item without a count is missing, with its name and the counts that would prove it', () => {
  const all = coverage.flatMap(({ items }) => items);
  const counts = new Map(all.flatMap(({ keys }) => keys.map((key) => [key, 1] as const)));
  expect(missingCoverage(counts)).toEqual([]);
  counts.delete('log quorum-lost');
  expect(missingCoverage(counts)).toEqual([
    'quorum election check-quorum: a leader resigns when no majority fetches from it (log quorum-lost)',
  ]);
  expect(missingCoverage(new Map())).toHaveLength(all.length);
});
