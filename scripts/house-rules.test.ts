/**
 * Goal: the rules find each kind of violation. Method: each test writes files into an empty repository, and
 * compares the violations that the rules find there.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { houseRuleViolations } from './house-rules.ts';
import { proseRuleViolations } from './prose-rules.ts';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

function violations(file: string, text: string): string[] {
  const root = mkdtempSync(join(tmpdir(), 'house-rules-'));
  roots.push(root);
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
  return [...houseRuleViolations(root), ...proseRuleViolations(root)];
}

const from = (module: string) => `import type { A } from ${`'${module}'`};\n`;

test('an import across wings', () => {
  const file = 'packages/replication/src/following/replica-fetcher.ts';
  expect(violations(file, from('../serving/fetch-read.ts'))).toEqual([
    `${file}:1: the wing following of replication may not import serving`,
  ]);
  expect(violations(file, from('../partition/partition.ts') + from('../types.ts'))).toEqual([]);
  const heart = 'packages/replication/src/partition/partition.ts';
  expect(violations(heart, from('../following/replica-fetcher.ts'))).toHaveLength(1);
  const segment = 'packages/log/src/segment/segment.ts';
  expect(violations(segment, from('../files/open-files.ts'))).toEqual([]);
  expect(violations(segment, from('../producers/snapshots.ts'))).toHaveLength(1);
});

test('a wing that imports a top file, unless it imports only types or may import this file', () => {
  const file = 'packages/log/src/recovery/recover.ts';
  const value = (module: string) => `import {\n  a,\n} from ${`'${module}'`};\n`;
  expect(violations(file, value('../partition-log.ts'))).toEqual([
    `${file}:3: the wing recovery of log may not import partition-log`,
  ]);
  expect(violations(file, from('../partition-log.ts') + value('../limits.ts'))).toEqual([]);
  expect(violations('packages/log/src/directory/a.ts', value('../partition-log.ts'))).toEqual([]);
});

test('a test that lies elsewhere than its source file', () => {
  const file = 'packages/log/test/segment/a.test.ts';
  expect(violations(file, '')).toEqual([
    `${file}:1: there is no packages/log/src/segment/a.ts; a test of several files lies in test/scenarios`,
  ]);
  expect(violations('packages/log/test/scenarios/a.test.ts', '')).toEqual([]);
});

test('a test that leaves something behind for the next file of its thread', () => {
  const file = 'packages/log/test/scenarios/a.test.ts';
  const leaking = [
    "vi.mock('node:fs');",
    "  vi.stubEnv('A', 'b');",
    "process.env['A'] = 'b';",
    'afterAll();',
  ];
  expect(violations(file, leaking.join('\n'))).toEqual([
    `${file}:1: vi.mock: the next file of the thread would see it: use vi.spyOn`,
    `${file}:2: vi.stubEnv: the next file of the thread would see it: use vi.spyOn`,
    `${file}:3: process.env['A'] = : the next file of the thread would see it: give a child process its \`env\``,
  ]);
  const support = 'packages/log/test/support/a.ts';
  expect(violations(support, 'afterEach(() => {});\n  afterEach(clean);\n')).toEqual([
    `${support}:1: afterEach: a hook belongs into the test file, or into a function that it calls`,
  ]);
});

test('an import against the order of the packages, and an import that only io/ may have', () => {
  expect(violations('packages/log/src/a.ts', from('@millrace/broker'))).toEqual([
    'packages/log/src/a.ts:1: log may not import broker',
  ]);
  expect(violations('packages/log/src/a.ts', from('node:fs'))).toEqual([
    'packages/log/src/a.ts:1: only io/ may import node:fs',
  ]);
  expect(violations('packages/log/src/io/a.ts', from('node:fs'))).toEqual([]);
  // The checkers of a history also judge real processes, so they must not need the simulator.
  const checker = 'packages/checkers/src/anomalies/lost-write.ts';
  expect(violations(checker, from('@millrace/sim'))).toEqual([`${checker}:1: checkers may not import sim`]);
  expect(violations(checker, from('@millrace/replication'))).toHaveLength(1);
});

test('promises, clocks, timers and mutable module state in a heart', () => {
  const heart = 'packages/raft/src/a.ts';
  expect(violations(heart, 'export async function a() {}\n')).toHaveLength(1);
  expect(violations(heart, 'const now = Date.now();\n')).toHaveLength(1);
  expect(violations(heart, 'setTimeout(() => {}, 1);\n')).toHaveLength(1);
  expect(violations(heart, 'let count = 0;\n')).toHaveLength(1);
  expect(violations('packages/cli/src/a.ts', 'export async function a() {}\n')).toEqual([]);
});

test('a file that is too long, and a mark of unfinished work', () => {
  expect(violations('packages/raft/src/a.ts', '\n'.repeat(500))).toHaveLength(1);
  expect(violations('packages/raft/test/scenarios/a.test.ts', `// ${'TO'}${'DO'}: later\n`)).toHaveLength(1);
});

test('a line of a comment or document that is wider than the code, unless it is a row of a table', () => {
  const words = 'the leader appends the batch and the followers fetch it '.repeat(3);
  expect(violations('packages/log/src/a.ts', `// ${words}\n`)).toEqual([
    `packages/log/src/a.ts:1: ${words.length + 3} characters; comments and prose have at most 110`,
  ]);
  expect(violations('packages/log/test/scenarios/a.test.ts', ` * ${words}\n`)).toHaveLength(1);
  expect(violations('docs/a.md', `${words}\n`)).toHaveLength(1);
  expect(violations('docs/a.md', `| ${words} |\n`)).toEqual([]);
});

test('a table row directly below text', () => {
  expect(violations('docs/a.md', 'Text.\n\n| a |\n|---|\n| b |\n')).toEqual([]);
  expect(violations('docs/a.md', '| a |\n|---|\n| b |\nText.\n| b |\n')).toEqual([
    'docs/a.md:5: a row of a table below text; a table begins after an empty line (a merge may have doubled rows)',
  ]);
});

test('a phrase that makes a reader read twice, in comments, strings and documents', () => {
  const file = 'packages/log/src/a.ts';
  expect(violations(file, '// The header is read anew.\n')).toEqual([
    `${file}:1: 'anew': write 'again', or 'from the start'`,
  ]);
  expect(violations(file, "const message = 'the client is told so';\n")).toHaveLength(1);
  expect(violations('docs/a.md', 'Whoever asks waits.\n')).toHaveLength(1);
  expect(violations(file, '// The follower hears of a new leader.\n')).toHaveLength(1);
  // The table of CONTRIBUTING.md quotes what not to write.
  expect(violations('CONTRIBUTING.md', '| was not heard of for so long | no heartbeat arrives |\n')).toEqual(
    [],
  );
});
