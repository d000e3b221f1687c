/**
 * Reads the sources and checks the rules of CONTRIBUTING.md that no compiler checks. For example: imports
 * point one way, only `io/` folders and hosts touch the outside, and stateful hearts (docs/architecture.md)
 * use no promises and no clock.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OWN_THREAD } from './own-thread.ts';

/** Top to bottom: a package may import only packages above it. */
const ORDER = [
  'base',
  'metrics',
  'rpc',
  'protocol',
  'checkers',
  'client',
  'log',
  'raft',
  'metadata',
  'control',
  'controller',
  'replication',
  'coordinator',
  'broker',
  'node',
  'sim',
  'chaos',
  'cli',
] as const;
/** Packages that are hosts: all of their files may touch the outside. */
const HOSTS = new Set(['node', 'chaos', 'cli']);
/** The node package is a host, but the simulator also runs its roles, so the roles must use only seams. */
const SEAM_ONLY = /^packages\/node\/src\/roles\//;
/**
 * The wings of a package are the folders of its `src`. For each wing, the table lists the other wings, and
 * the files at the top of `src`, that it may import. A wing may import types from any file at the top, but
 * values only from files in `SHARED` or in this table. The files at the top may import all wings.
 */
const WINGS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  log: {
    files: [],
    segment: ['files'],
    epochs: ['files'],
    producers: ['files', 'segment'],
    recovery: ['files', 'segment', 'epochs', 'producers'],
    lookup: ['segment'],
    cleaner: ['files', 'segment'],
    door: ['producers', 'lookup'],
    directory: ['files', 'recovery', 'partition-log'],
  },
  coordinator: {
    runtime: [],
    offsets: ['runtime'],
    classic: ['runtime'],
    consumer: ['runtime'],
    groups: ['runtime', 'offsets', 'classic', 'consumer'],
  },
  chaos: {
    history: [],
    target: [],
    scenario: ['target'],
    links: ['target'],
    workload: ['history', 'scenario'],
    faults: ['scenario', 'target'],
    checking: ['history'],
    report: ['history'],
    run: ['history', 'scenario', 'target', 'links', 'workload', 'faults', 'checking', 'report'],
  },
  replication: { partition: [], serving: ['partition'], following: ['partition'] },
};
/** Files at the top of a package that hold types, limits, settings and assets for all of its wings. */
const SHARED = new Set(['types', 'limits', 'assets']);
const OUTSIDE_MODULES = /^(node:|@grpc\/|level$|pino|prom-client$|yaml$|ajv$|commander$)/;
const FILE_LINES_MAX = 500;

/** What the code of a heart must not contain, and for each what to use instead. */
const BANNED_IN_HEARTS: [RegExp, string][] = [
  [/\basync\b|\bawait\b|\bnew Promise\b|\bPromise\./, 'only io/ and hosts use promises: take a callback'],
  [/\bDate\.now\b|\bnew Date\b|\bperformance\.now\b/, 'time comes from the Clock seam'],
  [/\bMath\.random\b|\bcrypto\./, 'randomness comes from the Random seam'],
  [/\b(setTimeout|setInterval|setImmediate|queueMicrotask)\(/, 'timers come from the Clock seam'],
  [/(?<!')\bprocess\.(?!\w+')/, 'the process belongs to the host'],
];
const BANNED_EVERYWHERE: [RegExp, string][] = [
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'unfinished work is an issue, not a mark'],
  [/@ts-ignore|@ts-nocheck|c8 ignore|v8 ignore/, 'no check is suppressed'],
  [/\b(it|test|describe)\.(only|todo)\b/, 'every test runs'],
  [/assert\([^;]*`[^`]*\$\{/, 'an assertion has a constant message'],
];

/**
 * Several test files share a thread, with its modules and global objects. So a test must not change these for
 * the next file.
 */
const BANNED_IN_TESTS: [RegExp, string][] = [
  [/\bvi\.(mock|doMock|stubGlobal|stubEnv)\b/, 'the next file of the thread would see it: use vi.spyOn'],
  [/\bprocess\.env\b[^=]* = /, 'the next file of the thread would see it: give a child process its `env`'],
];
/**
 * A thread loads a support module (a file of `test/` that has no tests) once, for the first test file that
 * imports it. So a hook in a support module would not run for later test files.
 */
const BANNED_IN_SUPPORT: [RegExp, string][] = [
  [/^(before|after)(Each|All)\b/, 'a hook belongs into the test file, or into a function that it calls'],
];

/** One line per violation: `file:line: what is wrong`. */
export function houseRuleViolations(root: string): string[] {
  const violations: string[] = [];
  for (const file of globSync('packages/*/{src,test}/**/*.ts', { cwd: root }).sort()) {
    const text = readFileSync(join(root, file), 'utf8');
    checkFile(file, text, (line, what) => violations.push(`${file}:${line}: ${what}`));
    const source = mirrored(file);
    if (source !== undefined && !existsSync(join(root, source)))
      violations.push(`${file}:1: there is no ${source}; a test of several files lies in test/scenarios`);
  }
  return violations;
}

/**
 * The source file that the test at this path covers, and that must exist. Undefined: the test may cover
 * several files, or the path is not that of a test.
 */
function mirrored(file: string): string | undefined {
  if (!file.endsWith('.test.ts') || file.includes('/test/scenarios/')) return undefined;
  return file.replace('/test/', '/src/').replace(/\.test\.ts$/, '.ts');
}

type Report = (line: number, what: string) => void;

function checkFile(file: string, text: string, report: Report): void {
  const [, packageName, kind] = file.split('/') as [string, string, string];
  const lines = text.split('\n');
  checkLines(lines, BANNED_EVERYWHERE, report);
  if (kind === 'test' && !OWN_THREAD.includes(file)) checkLines(lines, BANNED_IN_TESTS, report);
  if (kind === 'test' && !file.endsWith('.test.ts')) checkLines(lines, BANNED_IN_SUPPORT, report);
  if (kind !== 'src') return;
  if (lines.length > FILE_LINES_MAX)
    report(1, `${lines.length} lines; a file holds one idea in at most ${FILE_LINES_MAX}`);
  checkImportOrder(lines, packageName, report);
  checkWings(lines, file, report);
  const mayTouchOutside = /\/(io|testing)\//.test(file) || (HOSTS.has(packageName) && !SEAM_ONLY.test(file));
  if (mayTouchOutside) return;
  checkLines(lines, BANNED_IN_HEARTS, report);
  lines.forEach((line, index) => {
    const module = importedModule(line);
    if (module !== undefined && OUTSIDE_MODULES.test(module))
      report(index + 1, `only io/ may import ${module}`);
    if (/^(export )?let\b/.test(line))
      report(index + 1, 'no mutable module state: many nodes live in one process');
  });
}

function checkImportOrder(lines: readonly string[], packageName: string, report: Report): void {
  const own = (ORDER as readonly string[]).indexOf(packageName);
  if (own < 0) {
    report(1, `package ${packageName} has no place in the import order`);
    return;
  }
  lines.forEach((line, index) => {
    const target = importedModule(line)?.match(/^@millrace\/([a-z]+)/)?.[1];
    if (target === undefined || target === packageName) return;
    const place = (ORDER as readonly string[]).indexOf(target);
    if (place < 0 || place > own) report(index + 1, `${packageName} may not import ${target}`);
  });
}

function checkWings(lines: readonly string[], file: string, report: Report): void {
  const [, packageName = '', , wing = ''] = file.split('/');
  const allowed = WINGS[packageName]?.[wing];
  if (allowed === undefined) return;
  lines.forEach((line, index) => {
    const [, target, end] = importedModule(line)?.match(/^\.\.\/([a-z-]+)(\/|\.ts$)/) ?? [];
    if (target === undefined || allowed.includes(target)) return;
    if (end === '.ts' && (SHARED.has(target) || importsOnlyTypes(lines, index))) return;
    report(index + 1, `the wing ${wing} of ${packageName} may not import ${target}`);
  });
}

/** `end`: the last line of an import or export, which may have several lines. */
function importsOnlyTypes(lines: readonly string[], end: number): boolean {
  const start = lines.slice(0, end + 1).findLast((line) => /^(import|export)\b/.test(line));
  return /^(import|export) type\b/.test(start ?? '');
}

function checkLines(lines: readonly string[], banned: [RegExp, string][], report: Report): void {
  lines.forEach((line, index) => {
    if (/^\s*(\*|\/\/|\/\*)/.test(line) && banned === BANNED_IN_HEARTS) return;
    for (const [pattern, instead] of banned) {
      if (pattern.test(line)) report(index + 1, `${pattern.exec(line)?.[0]}: ${instead}`);
    }
  });
}

function importedModule(line: string): string | undefined {
  return /(?:\bfrom|^import) '([^']+)'/.exec(line)?.[1] ?? /\bimport\('([^']+)'\)/.exec(line)?.[1];
}
