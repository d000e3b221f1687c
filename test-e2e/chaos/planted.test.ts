/**
 * Goal: `millrace chaos run` fails, and names the anomaly, when a cluster breaks a promise. Method: all nodes
 * run with a planted bug of the simulator (packages/sim/planted). Luck decides whether a short run meets the
 * bug, so each bug has a few runs.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { launch } from '../lib/exec.ts';
import { cacheFolder, repositoryRoot } from '../lib/paths.ts';

const HOOK = join(repositoryRoot, 'packages', 'sim', 'planted', 'hook.ts');
const CLI = join(repositoryRoot, 'packages', 'cli', 'src', 'main.ts');
const RUNS = 4;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(cacheFolder('work'), 'chaos-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  ['sequences-lost', 'crash', 'duplicate'],
  ['ack-before-isr', 'isolate', 'lost-write'],
  ['fetch-above-high-watermark', 'isolate', 'uncommitted-read'],
])('the bug %s: a run with the fault %s fails with %s', { timeout: 400_000 }, async (bug, fault, anomaly) => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const out = join(folder, String(seed));
    const scenario = join(import.meta.dirname, `${fault}.yaml`);
    const words = ['run', '--scenario', scenario, '--minutes', '0.2', '--seed', String(seed), '--out', out];
    // The nodes inherit the environment of the command.
    const env = `--import ${HOOK}`;
    const command = launch(
      'env',
      [`PLANTED_BUG=${bug}`, `NODE_OPTIONS=${env}`, process.execPath, CLI, 'chaos', ...words],
      () => {},
    );
    const code = await command.ended;
    if (code === 0) continue;
    expect(code, command.errors()).toBe(1);
    const { verdict } = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
    expect(verdict.isGood).toBe(false);
    expect(verdict.anomalies.map(({ name }: { name: string }) => name)).toContain(anomaly);
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain(anomaly);
    return;
  }
  throw new Error(`${RUNS} runs did not meet the bug`);
});
