/**
 * Goal: the package of `npm run build` works. Method: pack it, install it into an empty folder, and use it
 * there.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apis, buildBatch, Compression, ErrorCode, isRetriable } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { afterAll, expect, test } from 'vitest';
import { run } from './lib/exec.ts';
import { repositoryRoot } from './lib/paths.ts';
import { connect, createTopic } from './lib/wire.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-published-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PROGRAM = `
import { startCluster } from 'millrace';
const cluster = await startCluster({ brokers: 1 });
process.stdout.write(cluster.bootstrapServers);
process.stdin.resume().on('end', () => void cluster.stop());
`;

/**
 * A batch of this many records is so large that the broker checks it on a worker thread. So the test also
 * shows that the package contains the worker's code.
 */
const RECORDS = 100_000;

test('the installed package runs its command and starts a cluster', async () => {
  await run(process.execPath, ['scripts/build.ts'], { cwd: repositoryRoot });
  const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'dist/package.json'), 'utf8'));
  await run('npm', ['pack', '--silent', '--pack-destination', folder, './dist'], { cwd: repositoryRoot });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await run('npm', ['install', '--no-audit', '--no-fund', `./millrace-${version}.tgz`], {
    cwd: folder,
    timeoutMs: 120_000,
  });
  const command = join(folder, 'node_modules/millrace/bin/millrace.mjs');
  expect(String((await run(process.execPath, [command, '--help'])).stdout)).toContain('Usage: millrace');
  expect(String((await run(process.execPath, [command, '--version'])).stdout)).toBe(`${version}\n`);
  expect(String((await run(process.execPath, [command, 'chaos', 'list'])).stdout)).toContain(
    'leader-failover',
  );
  writeFileSync(join(folder, 'program.js'), PROGRAM);
  const program = spawn(process.execPath, ['program.js'], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => program.on('exit', resolve));
  try {
    const printed = String(await new Promise((resolve) => program.stdout.once('data', resolve)));
    expect(printed).toMatch(/^127\.0\.0\.1:\d+$/);
    await createTopic(printed, { name: 'many', partitions: 1, replicas: 1 });
    expect(await produceMany(printed)).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 0 });
    program.stdin.end();
    expect(await ended).toBe(0);
  } finally {
    program.kill('SIGKILL');
  }
});

async function produceMany(server: string) {
  const records = buildBatch({
    records: Array.from({ length: RECORDS }, () => ({})),
    baseTimestamp: Date.now(),
    compression: Compression.ZSTD,
    codecs: compressionCodecs,
  });
  const topicData = [{ name: 'many', partitionData: [{ index: 0, records }] }];
  const client = await connect(server, 30_000);
  for (;;) {
    const request = { acks: -1, timeoutMs: 10_000, topicData };
    const { responses } = await client.call(apis.produce, request, { version: 9 });
    const answer = responses[0]!.partitionResponses[0]!;
    // Tries again after a retriable error: the topic is new, so its leader may not know it yet.
    if (!isRetriable(answer.errorCode)) {
      client.close();
      return answer;
    }
  }
}
