/** docs/durability.md names code, checkers, faults and scenarios. Each of them must exist. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const rows = read('docs/durability.md')
  .split('\n')
  .filter((line) => /^\| \d \|/.test(line))
  .map((line) => line.split('|').slice(1, -1));
/** The names in backquotes in a column of the table. */
const named = (column: number) => [
  ...new Set(rows.flatMap((cells) => [...cells[column]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))),
];
/** The names in the first column of the tables of the simulator's page: its faults and its checkers. */
const simulated = new Set(
  [...read('docs/simulation.md').matchAll(/^\| `([a-z-]+)`/gm)].map(([, name]) => name),
);
const scenarios = new Set(
  globSync('packages/chaos/assets/scenarios/*.yaml', { cwd: root }).map((path) =>
    path.replace(/.*\/|\.yaml$/g, ''),
  ),
);

test('the page has every row of the contract', () => {
  expect(new Set(rows.map(([row]) => row!.trim()))).toEqual(new Set(['1', '2', '3', '4', '5']));
});

test.each(named(3))('the file %s exists', (file) => {
  expect(existsSync(join(root, file))).toBe(true);
});

test.each(named(4))('the simulator has the checker %s', (checker) => {
  expect(simulated).toContain(checker);
});

test.each(named(5))('the simulator has the fault %s', (fault) => {
  expect(simulated).toContain(fault);
});

test.each(named(6))('millrace chaos has the scenario %s', (scenario) => {
  expect(scenarios).toContain(scenario);
});
