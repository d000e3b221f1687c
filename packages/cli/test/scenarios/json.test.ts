/** Goal: each command of `millrace cluster --json` prints its result as one JSON object, for programs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@millrace/base/testing/io';
import { afterAll, expect, test } from 'vitest';
import { environmentOfNodes } from '../../src/cluster/process.ts';
import { millrace } from '../support/command.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-json-'));
afterAll(async () => {
  await millrace(['cluster', 'stop', '--dir', dir]).exit();
  rmSync(dir, { recursive: true, force: true });
});

/** Variables that a user may have set for a Kafka on the same machine. */
const env = { KAFKA_NODE_ID: '7', KAFKA_LOG_DIRS: '/nonexistent', KAFKA_NO_SUCH_SETTING: '1' };

async function json(...words: string[]) {
  const command = millrace(['cluster', ...words, '--dir', dir, '--json'], env);
  expect(await command.exit(), command.output()).toBe(0);
  expect(command.stdout()).toMatch(/^\{.*\}\n$/);
  return JSON.parse(command.stdout());
}

test('start, pause, resume, kill, restart and stop ignore KAFKA_ variables that are for another cluster', async () => {
  const port = await freePort();
  const { nodes } = await json('start', '--controllers', '1', '--brokers', '1', '--port', String(port));
  const [controllerPid, pid] = nodes.map((node: { pid: number }) => node.pid);
  const broker = { id: 2, role: 'broker' };

  expect(await json('pause', '2')).toEqual({
    ...{ action: 'pause', directory: dir, ...broker },
    ...{ state: 'paused', pid, formerPid: pid },
  });
  expect(await json('resume', '2')).toMatchObject({ action: 'resume', state: 'running', pid });
  expect(await json('kill', '2')).toEqual({
    ...{ action: 'kill', directory: dir, ...broker },
    ...{ state: 'stopped', pid: null, formerPid: pid },
  });
  const again = await json('restart', '2');
  expect(again).toMatchObject({ action: 'restart', ...broker, state: 'running', formerPid: null });
  expect(again.pid).toBeGreaterThan(1);
  expect(again.readyMs).toBeGreaterThan(0);

  expect(await json('stop')).toEqual({
    ...{ action: 'stop', directory: dir },
    nodes: [
      { id: 1, role: 'controller', state: 'stopped', pid: null, formerPid: controllerPid },
      { ...broker, state: 'stopped', pid: null, formerPid: again.pid },
    ],
  });
});

test('a node inherits the environment except the KAFKA_ variables', () => {
  expect(environmentOfNodes({ PATH: '/bin', KAFKA_NODE_ID: '7', KAFKA_HEAP_OPTS: '-Xmx1g' })).toEqual({
    PATH: '/bin',
  });
});
