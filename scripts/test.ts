/**
 * `npm test`: runs every check, the cheapest first, and prints the time of each step.
 *
 *   --only check|unit|e2e   runs one step alone
 *
 * The last line is `N passed, N failed`. If tests were skipped, the last line also has their number. The
 * lines above it name each failed and each skipped test, so that the end of a long output says what failed.
 * Exit code 1 when anything fails.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { houseRuleViolations } from './house-rules.ts';
import { proseRuleViolations } from './prose-rules.ts';

const root = join(import.meta.dirname, '..');
const reports = join(root, '.cache', 'reports');

interface Outcome {
  passed: number;
  /** the name of each failed check or test */
  failed: string[];
  skipped: string[];
}

const steps: Record<string, () => Outcome[]> = {
  check: () => [
    command('types', 'tsc', ['-p', '.']),
    command('format and lint', 'biome', ['ci', '--colors=off', '.']),
    houseRules(),
  ],
  unit: () => [vitest('unit', ['--config', 'vitest.config.ts'])],
  e2e: () => [vitest('e2e', ['--config', 'test-e2e/vitest.config.ts'])],
};

const only = process.argv[process.argv.indexOf('--only') + 1];
const chosen = process.argv.includes('--only') ? [only ?? ''] : Object.keys(steps);
const total: Outcome = { passed: 0, failed: [], skipped: [] };
if (chosen.length > 1) installTools();
for (const name of chosen) {
  const step = Object.hasOwn(steps, name) ? steps[name] : undefined;
  if (step === undefined) {
    process.stderr.write(`test: --only takes ${Object.keys(steps).join(', ')}, not '${name}'\n`);
    process.exit(1);
  }
  const started = performance.now();
  for (const outcome of step()) {
    total.passed += outcome.passed;
    total.failed.push(...outcome.failed);
    total.skipped.push(...outcome.skipped);
  }
  process.stdout.write(`-- ${name}: ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}
for (const name of total.failed) process.stdout.write(`failed: ${name}\n`);
if (total.skipped.length > 0) process.stdout.write(`skipped: ${total.skipped.join(', ')}\n`);
const skipped = total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : '';
process.stdout.write(`${total.passed} passed, ${total.failed.length} failed${skipped}\n`);
process.exit(total.failed.length > 0 ? 1 : 0);

/** While the first steps run, downloads what the end-to-end tests need. */
function installTools(): void {
  const program = join(root, 'test-e2e', 'lib', 'install-tools.ts');
  spawn(process.execPath, [program], { cwd: root, stdio: 'ignore' }).on('error', () => {});
}

function command(name: string, program: string, args: string[]): Outcome {
  const result = spawnSync(join(root, 'node_modules', '.bin', program), args, {
    cwd: root,
    encoding: 'utf8',
  });
  return report(name, result.status === 0, `${result.stdout}${result.stderr}`);
}

function houseRules(): Outcome {
  const violations = [...houseRuleViolations(root), ...proseRuleViolations(root)];
  return report('house rules', violations.length === 0, `${violations.join('\n')}\n`);
}

function report(name: string, passed: boolean, output: string): Outcome {
  process.stdout.write(passed ? `ok   ${name}\n` : `FAIL ${name}\n${output}`);
  return { passed: passed ? 1 : 0, failed: passed ? [] : [name], skipped: [] };
}

function vitest(name: string, args: string[]): Outcome {
  const file = join(reports, `${name}.json`);
  mkdirSync(reports, { recursive: true });
  rmSync(file, { force: true });
  const script = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${file}`];
  const result = spawnSync(process.execPath, [script, 'run', ...args, ...reporters], {
    cwd: root,
    stdio: 'inherit',
    // CI keeps only the end of an output: colours make each of 7,000 dots ten times as long.
    env: process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  if (!existsSync(file)) return report(name, false, 'vitest wrote no report\n');
  return outcomeOf(name, JSON.parse(readFileSync(file, 'utf8')) as VitestReport, result.status === 0);
}

interface VitestReport {
  testResults: { name: string; status: string; assertionResults: { status: string; fullName: string }[] }[];
}

function outcomeOf(step: string, vitestReport: VitestReport, exitedWell: boolean): Outcome {
  const outcome: Outcome = { passed: 0, failed: [], skipped: [] };
  for (const file of vitestReport.testResults) {
    const failedBefore = outcome.failed.length;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') outcome.passed += 1;
      else if (test.status === 'failed')
        outcome.failed.push(`${relative(root, file.name)} > ${test.fullName}`);
      else outcome.skipped.push(test.fullName);
    }
    const loads = file.status !== 'failed' || outcome.failed.length > failedBefore;
    if (!loads) outcome.failed.push(`${relative(root, file.name)} (the file, outside its tests)`);
  }
  // An error that no test catches fails the run, but no test.
  if (!exitedWell && outcome.failed.length === 0) outcome.failed.push(`${step} (an error outside the tests)`);
  return outcome;
}
