/** What `npm start` is: a cluster of processes that stays until Ctrl-C, then stops cleanly and keeps its data. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { nodesOf, readLayout } from '../src/cluster/layout.ts';
import { stateOf } from '../src/cluster/process.ts';

const main = join(import.meta.dirname, '../src/main.ts');
const dir = mkdtempSync(join(tmpdir(), 'millrace-foreground-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function start(port: number): { child: ChildProcess; output: () => string } {
  const words = ['cluster', 'start', '--dir', dir, '--foreground', '--controllers', '1', '--brokers', '1'];
  const child = spawn(process.execPath, [main, ...words, '--port', String(port)], { stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += String(chunk)));
  return { child, output: () => output };
}

async function until(condition: () => boolean, child: ChildProcess): Promise<void> {
  while (!condition() && child.exitCode === null) await sleep(20);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port < 60_000 ? port : freePort();
}

test('it stays until it is interrupted, stops every node, and goes on with the same data', async () => {
  const port = await freePort();
  for (let round = 0; round < 2; round++) {
    const { child, output } = start(port);
    await until(() => output().includes('Data lies in'), child);
    await sleep(300);
    expect(child.exitCode, output()).toBeNull();
    const nodes = nodesOf(readLayout(dir));
    expect(nodes.map(stateOf)).toEqual(['running', 'running']);

    child.kill('SIGINT');
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode, output()).toBe(0);
    expect(output()).toContain('every node has stopped');
    expect(nodes.map(stateOf)).toEqual(['stopped', 'stopped']);
  }
});

test('a port that is taken: one sentence, exit code 1, nothing left running', async () => {
  const { port } = readLayout(dir);
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  const { child, output } = start(port);
  await once(child, 'exit');
  other.close();
  expect(child.exitCode).toBe(1);
  expect(output()).toContain(`port ${port}, for broker 2, is taken by another program`);
  expect(nodesOf(readLayout(dir)).map(stateOf)).toEqual(['stopped', 'stopped']);
});
