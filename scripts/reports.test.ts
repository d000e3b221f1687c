/**
 * docs/reports/README.md names tests by file and by parts of their titles. Each of these files must exist and
 * contain these parts.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/reports/README.md'), 'utf8');
/** Matches the name of a test file, and the titles in the parentheses after it. */
const NAMED = /`([\w/.-]+\.test\.ts)`(?: \(((?:"[^"]+"(?:, )?)+)\))?/g;

const named = [...page.matchAll(NAMED)].map(([, file, titles]) => ({
  file: file!,
  parts: [...(titles ?? '').matchAll(/"([^"]+)"/g)].flatMap(([, title]) =>
    title!.split('…').map((part) => part.trim()),
  ),
}));

test('the page names test files and titles', () => {
  expect(named.length).toBeGreaterThan(50);
  expect(named.flatMap(({ parts }) => parts).length).toBeGreaterThan(20);
});

test.each(named)('$file $parts', ({ file, parts }) => {
  const [path] = globSync([file, `packages/${file}`, `packages/*/test/${file}`], { cwd: root });
  expect(path, file).toBeDefined();
  const source = readFileSync(join(root, path!), 'utf8');
  expect(parts.filter((part) => !source.includes(part))).toEqual([]);
});
