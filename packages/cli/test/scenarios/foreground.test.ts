/** Goal: `npm start` runs a cluster of processes until Ctrl-C, then stops it cleanly and keeps its data. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@millrace/base/testing/io';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodesOf, readLayout } from '../../src/cluster/layout.ts';
import { pidOf, stateOf } from '../../src/cluster/process.ts';
import { millrace, type RunningCommand, root, run } from '../support/command.ts';

let dir: string;
let shape: string[];
let lonely: string;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-foreground-'));
  const port = await freePort();
  shape = ['--dir', dir, '--controllers', '1', '--brokers', '1', '--port', String(port)];
  // The second voter does not exist. So a cluster with a new folder forms no quorum, and its broker never
  // becomes ready.
  lonely = `controller.quorum.voters=1@127.0.0.1:${port + 1000},9@127.0.0.1:1`;
});
afterEach(async () => {
  await millrace(['cluster', 'stop', '--dir', dir]).exit();
  rmSync(dir, { recursive: true, force: true });
});

function start(...more: string[]): RunningCommand {
  return millrace(['cluster', 'start', '--foreground', ...shape, ...more]);
}

function states(): string[] {
  return nodesOf(readLayout(dir)).map(stateOf);
}

test('npm start runs until Ctrl-C, then stops every node, and uses the same data at the next start', async () => {
  for (let round = 0; round < 2; round++) {
    const command = start();
    await command.said('The data is in');
    await sleep(300);
    expect(command.child.exitCode, command.output()).toBeNull();
    expect(states()).toEqual(['running', 'running']);

    command.child.kill('SIGINT');
    expect(await command.exit(), command.output()).toBe(0);
    expect(command.output()).toContain('every node has stopped');
    expect(states()).toEqual(['stopped', 'stopped']);
  }
});

test('Ctrl-C during a start stops the started nodes', async () => {
  const command = start('--set', lonely);
  await command.said('controller 1 is ready');
  await sleep(300);
  expect(states(), command.output()).toEqual(['running', 'running']);
  command.child.kill('SIGINT');
  expect(await command.exit(), command.output()).toBe(0);
  expect(command.output()).toContain('stopping …\nevery node has stopped; the data stays');
  expect(states()).toEqual(['stopped', 'stopped']);
});

test('a start without --foreground fails when it is interrupted', async () => {
  const command = millrace(['cluster', 'start', ...shape, '--set', lonely]);
  await command.said('controller 1 is ready');
  await sleep(300);
  command.child.kill('SIGINT');
  expect(await command.exit(), command.output()).toBe(130);
  expect(states()).toEqual(['stopped', 'stopped']);
});

test('a node that ends while the start waits for others ends the start', async () => {
  const command = start('--set', lonely);
  await command.said('controller 1 is ready');
  const [controller] = nodesOf(readLayout(dir));
  process.kill(pidOf(controller!)!, 'SIGKILL');
  expect(await command.exit(), command.output()).toBe(1);
  expect(command.output()).toContain(
    `millrace: controller 1 has ended: its log is ${join(dir, 'node-1', 'node.log')}\n`,
  );
  expect(states()).toEqual(['stopped', 'stopped']);
});

test('if nodes are not ready in time, the start says so in one sentence, exits with 1 and stops all nodes', async () => {
  const command = start('--timeout', '2', '--set', lonely);
  expect(await command.exit()).toBe(1);
  // On a slow machine, the controller is not ready either.
  expect(command.output()).toMatch(
    /^millrace: not ready after 2 s: (controller 1, )?broker 2; see \S.*, or give more time with --timeout$/m,
  );
  expect(command.output()).toContain(join(dir, 'node-2', 'node.log'));
  expect(states()).toEqual(['stopped', 'stopped']);
});

test('a signal to `npm start` alone, without a terminal, stops the cluster', async () => {
  const command = run(join(root, 'scripts/run.mjs'), ['start', ...shape]);
  await command.said('The data is in');
  command.child.kill('SIGINT');
  expect(await command.exit(), command.output()).toBe(0);
  expect(command.output()).toContain('every node has stopped');
  expect(states()).toEqual(['stopped', 'stopped']);
});
