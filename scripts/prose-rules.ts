/**
 * Checks the rules of prose (CONTRIBUTING.md): comments, documents, test names and messages are in plain
 * English, and comments and documents are no wider than the code.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The largest width of a line of a comment or document, in characters. Tables, and text that cannot be broken
 * (a link), may be wider.
 */
const WIDTH_MAX = 110;

/** Phrases that make a reader read twice, and what to write instead. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/\banew\b/i, "write 'again', or 'from the start'"],
  [/\b(is|are|was|were|be|being|been) told\b/i, 'name who tells, or write what the other one learns'],
  [/\bany more\b/i, "write 'no longer', or leave it out"],
  [/\b(goes|go|going|went|gone) on\b/i, "write 'continues'"],
  [/\bwhoever\b/i, 'name the actor: the client, the leader, the caller'],
  [/\bfor so long\b/i, "write 'for this long', or name the setting"],
  [/\bvouch/i, "write 'trusts' or 'guarantees'"],
  [/\bbut for\b/i, "write 'except'"],
  [/\b(hears?|heard|hearing) of\b/i, "write 'learns of', or name what arrives"],
  [/\bin (its|their) stead\b/i, "write 'instead'"],
];

const SOURCES = [
  'packages/*/{src,test}/**/*.ts',
  'packages/*/planted/**/*.ts',
  'test-e2e/**/*.ts',
  'examples/**/*.ts',
  'scripts/*.ts',
];
const DOCUMENTS = ['*.md', 'docs/**/*.md', 'test-e2e/**/*.md', 'examples/**/*.md'];
const TABLE_ROW = /^\s*\|/;
const LOST_ROW =
  'a row of a table below text; a table begins after an empty line (a merge may have doubled rows)';
/** These files quote the forbidden phrases. */
const QUOTING = /^scripts\/(prose|house)-rules(\.test)?\.ts$/;

/** One line per violation: `file:line: what is wrong`. */
export function proseRuleViolations(root: string): string[] {
  const violations: string[] = [];
  const files = (patterns: string[]) =>
    globSync(patterns, { cwd: root, exclude: ['**/node_modules/**', '**/goldens/**'] }).sort();
  for (const file of [...files(SOURCES), ...files(DOCUMENTS)]) {
    if (QUOTING.test(file)) continue;
    const isDocument = file.endsWith('.md');
    const lines = readFileSync(join(root, file), 'utf8').split('\n');
    let isCode = false;
    lines.forEach((line, index) => {
      if (isDocument && line.trimStart().startsWith('```')) isCode = !isCode;
      const problem = isDocument ? (isCode ? undefined : inDocument(line, lines[index - 1])) : inSource(line);
      if (problem !== undefined) violations.push(`${file}:${index + 1}: ${problem}`);
    });
  }
  return violations;
}

function inDocument(line: string, before = ''): string | undefined {
  if (!TABLE_ROW.test(line)) return tooWide(line) ?? badPhrase(line);
  return before.trim() === '' || TABLE_ROW.test(before) ? undefined : LOST_ROW;
}

function inSource(line: string): string | undefined {
  const isComment = /^\s*(\*|\/\/|\/\*)/.test(line);
  return (isComment ? tooWide(line) : undefined) ?? badPhrase(line);
}

function tooWide(line: string): string | undefined {
  const isBreakable = /\S\s+\S.*\s\S/.test(line.slice(0, WIDTH_MAX));
  return line.length > WIDTH_MAX && isBreakable
    ? `${line.length} characters; comments and prose have at most ${WIDTH_MAX}`
    : undefined;
}

function badPhrase(line: string): string | undefined {
  for (const [pattern, instead] of PHRASES) {
    const found = pattern.exec(line)?.[0];
    if (found !== undefined) return `'${found}': ${instead}`;
  }
  return undefined;
}
