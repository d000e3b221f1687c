/**
 * Goal: coverage lists every error code, election, truncation and fault. Method: compare the lists of
 * coverage with the sources of the product.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CoverageArea, errorAreas, faultKinds, missingCoverage } from '../../src/index.ts';
import { coverage, errorCodesIn, mentioned, productErrorCodes, ROOT } from '../support/product-sources.ts';

function area(name: string): CoverageArea {
  return coverage.find((one) => one.name === name)!;
}

/**
 * The event name in each log call; both names if the call chooses between two. Leaves out the simulator's own
 * sources. They name events in the story and in counts, which does not prove that a node logs them.
 */
function loggedByProduction(): Set<string> {
  const firstArguments = mentioned(
    ['packages/!(sim)/src/**/*.ts'],
    /(?:\.(?:debug|info|warn|error)\(|\.logEvent\('[a-z]+',)([^{;)]*)/g,
  );
  const names = firstArguments.flatMap((text) => [...text.matchAll(/'([a-z]+(?:-[a-z]+)*)'/g)]);
  return new Set(names.map(([, name]) => name!));
}

/** For each error area: the tests that demand the error codes of requests that are invalid by themselves. */
const DEMANDING: Readonly<Record<string, readonly string[]>> = {
  'partition error': ['packages/broker/test/scenarios/refused-data-requests.test.ts'],
  'deletion error': ['packages/{broker,replication}/test/scenarios/delete-records.test.ts'],
  'controller error': [
    'packages/controller/test/scenarios/topics.test.ts',
    'packages/broker/test/scenarios/admin-requests.test.ts',
  ],
  'group error': ['packages/coordinator/test/**/*.test.ts', 'packages/broker/test/scenarios/*.test.ts'],
};

test.each(errorAreas)('every $name in the source is demanded of the seeds or of a test, or exempt', (one) => {
  const { name, exempt, demandedByTests } = one;
  const codes = productErrorCodes[name]!;
  const notOfSeeds = [...exempt.map((exemption) => exemption.name), ...demandedByTests];
  expect(new Set(notOfSeeds).size).toBe(notOfSeeds.length);
  expect(notOfSeeds.filter((code) => !codes.includes(code))).toEqual([]);
  const items = area(name).items.map((item) => item.name);
  expect([...items, ...notOfSeeds].sort()).toEqual(codes);
  // Transcripts of the coordinator have the names of codes as text.
  const demanded = [
    ...errorCodesIn(DEMANDING[name]!),
    ...mentioned(DEMANDING[name]!, /\b([A-Z]+(?:_[A-Z]+)+)\b/g),
  ];
  expect(demandedByTests.filter((code) => !demanded.includes(code))).toEqual([]);
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
 * The reasons that a method accepts. The type of the method's parameter must be a union of string literals
 * and nothing else, because any other type could hide a reason.
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

test('nodes log every event that coverage demands', () => {
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

test('coverage reports an item without a count, with its name and the counts that would prove it', () => {
  const all = coverage.flatMap(({ items }) => items);
  const counts = new Map(all.flatMap(({ keys }) => keys.map((key) => [key, 1] as const)));
  expect(missingCoverage(coverage, counts)).toEqual([]);
  counts.delete('log quorum-lost');
  expect(missingCoverage(coverage, counts)).toEqual([
    'quorum election check-quorum: a leader resigns when no majority fetches from it (log quorum-lost)',
  ]);
  expect(missingCoverage(coverage, new Map())).toHaveLength(all.length);
});
