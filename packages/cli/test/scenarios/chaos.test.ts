/**
 * Goal: `millrace chaos run` breaks a real cluster, gives a verdict, and leaves nothing behind, however it
 * ends. Method: short runs against clusters of real processes.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodesOf, readLayout } from '../../src/cluster/layout.ts';
import { killNode, pidOf, stateOf } from '../../src/cluster/process.ts';
import { millrace, type RunningCommand } from '../support/command.ts';

let folder: string;
let out: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-chaos-test-'));
  out = join(folder, 'run');
});
afterEach(async () => {
  if (existsSync(join(out, 'cluster')))
    for (const node of nodesOf(readLayout(join(out, 'cluster')))) {
      const pid = pidOf(node);
      if (pid !== undefined) await killNode(node, pid);
    }
  rmSync(folder, { recursive: true, force: true });
});

/** The notes of clusters lie in the folder of the test, so that parallel tests do not meet. */
function run(...more: string[]): RunningCommand {
  return millrace(['chaos', 'run', '--out', out, '--seed', '7', ...more], { TMPDIR: folder });
}

const states = () => nodesOf(readLayout(join(out, 'cluster'))).map(stateOf);

test('a run kills a leader, reads every record back, and writes a report', async () => {
  const command = run('--scenario', 'leader-failover', '--minutes', '0.05');
  expect(await command.exit(), command.output()).toBe(0);
  expect(command.output()).toMatch(/kill -9 of broker \d, the leader of orders-\d/);
  expect(command.output()).toMatch(/No promise was broken: [\d,]+ records acknowledged/);
  expect(readdirSync(out).sort()).toEqual(['history.jsonl', 'report.html', 'report.json']);
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('No promise was broken');
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
  expect(report).toMatchObject({ isComplete: true, run: { seed: 7 }, faults: [{ kind: 'crash-leader' }] });
  const again = millrace(['chaos', 'check', out, '--json']);
  expect(await again.exit()).toBe(0);
  expect(JSON.parse(again.output()).verdict).toEqual(report.verdict);
});

test('a run cuts a leader off through the proxies of the links', async () => {
  const command = run('--scenario', 'isolate-leader', '--minutes', '0.05');
  expect(await command.exit(), command.output()).toBe(0);
  expect(command.output()).toMatch(/the network cuts off broker \d, the leader of orders-\d/);
});

test('Ctrl-C heals the fault that lasts, and checks the history so far', async () => {
  const command = run('--scenario', 'freeze-leader', '--minutes', '5', '--keep');
  await command.said('SIGSTOP of broker');
  expect(states()).toContain('paused');
  command.child.kill('SIGINT');
  expect(await command.exit(), command.output()).toBe(130);
  expect(command.output()).toContain('No promise was broken');
  expect(new Set(states())).toEqual(new Set(['stopped']));
});

test('Ctrl-C while a node is down starts it again, and reads every record back', async () => {
  const command = run('--scenario', 'leader-failover', '--minutes', '5');
  await command.said('kill -9 of broker');
  command.child.kill('SIGINT');
  expect(await command.exit(), command.output()).toBe(130);
  expect(command.output()).toContain('reads every record back');
  expect(command.output()).not.toContain('ended early');
  expect(command.output()).toMatch(/[1-9][\d,]* records acknowledged/);
});

test('Ctrl-C while the cluster starts stops every node', async () => {
  const command = run();
  await command.said('starts 3 controllers');
  await sleep(300);
  command.child.kill('SIGINT');
  expect(await command.exit(), command.output()).toBe(130);
  expect(command.output()).toContain('interrupted; every node has stopped');
});

test('after a kill of the command, the next run stops the nodes that it left, and says so', async () => {
  const command = run('--scenario', 'freeze-leader', '--minutes', '5');
  await command.said('SIGSTOP of broker');
  command.child.kill('SIGKILL');
  await command.exit();
  await sleep(100);
  expect(new Set(states())).toEqual(new Set(['running', 'paused']));
  const next = millrace(['chaos', 'run', '--scenario', 'nonsense.yaml'], { TMPDIR: folder });
  expect(await next.exit()).toBe(1);
  expect(next.output()).toContain("there is no scenario 'nonsense.yaml'");
  const first = out;
  out = join(folder, 'next');
  const third = run('--scenario', 'leader-failover', '--minutes', '0.01');
  await third.said('stopped its nodes');
  third.child.kill('SIGINT');
  await third.exit();
  expect(new Set(nodesOf(readLayout(join(first, 'cluster'))).map(stateOf))).toEqual(new Set(['stopped']));
});
