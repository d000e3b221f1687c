/** Goal: what `npm run build` makes can be published. Method: it is packed, installed into an empty folder, and used there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { run } from './lib/exec.ts';
import { repositoryRoot } from './lib/paths.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-published-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PROGRAM = `
import { startCluster } from 'millrace';
const cluster = await startCluster({ brokers: 1 });
process.stdout.write(cluster.bootstrapServers);
await cluster.stop();
`;

test('the package: packed, installed, its command run and a cluster started from it', async () => {
  await run(process.execPath, ['scripts/build.ts'], { cwd: repositoryRoot });
  await run('npm', ['pack', '--silent', '--pack-destination', folder, './dist'], { cwd: repositoryRoot });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await run('npm', ['install', '--no-audit', '--no-fund', './millrace-0.1.0.tgz'], {
    cwd: folder,
    timeoutMs: 120_000,
  });
  const command = join(folder, 'node_modules/millrace/bin/millrace.mjs');
  expect(String((await run(process.execPath, [command, '--help'])).stdout)).toContain('Usage: millrace');
  writeFileSync(join(folder, 'program.js'), PROGRAM);
  const printed = await run(process.execPath, ['program.js'], { cwd: folder });
  expect(String(printed.stdout)).toMatch(/^127\.0\.0\.1:\d+$/);
});
