/**
 * Goal: a start that cannot succeed fails with an error of one sentence, and leaves nothing open. Method:
 * real folders and ports.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryLogger } from '@millrace/base/testing';
import { freePort } from '@millrace/base/testing/io';
import { afterAll, expect, test } from 'vitest';
import { loadConfig, StartError, startCluster, startNode } from '../src/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-start-'));
afterAll(() => rmSync(directory, { recursive: true }));

const settings = (name: string, port: number, more: Record<string, string> = {}) => ({
  'process.roles': 'controller',
  'node.id': '1',
  'controller.quorum.voters': `1@127.0.0.1:${port}`,
  listeners: `CONTROLLER://127.0.0.1:${port}`,
  'log.dirs': join(directory, name),
  'logger.level': 'silent',
  ...more,
});

async function refusal(overrides: Record<string, string>): Promise<string> {
  const error = await startNode(loadConfig({ overrides })).then(
    async (node) => {
      await node.stop();
      return undefined;
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StartError);
  return (error as StartError).message;
}

test('a start with too little disk space is refused', async () => {
  const message = await refusal(
    settings('little', await freePort(), { 'min.free.bytes': '9007199254740991' }),
  );
  expect(message).toMatch(
    /^too little disk: .*little has \d+ MiB free and min\.free\.bytes asks for .*; free some space/,
  );
});

test('a node with data starts with little free space, and its health page says that it refuses produce', async () => {
  const [port, brokerPort, healthPort] = [await freePort(), await freePort(), await freePort()];
  const overrides = settings('with-data', port, {
    'process.roles': 'broker,controller',
    'controller.listener.names': 'CONTROLLER',
    listeners: `CONTROLLER://127.0.0.1:${port},PLAINTEXT://127.0.0.1:${brokerPort}`,
    'health.port': String(healthPort),
  });
  const health = async () => (await fetch(`http://127.0.0.1:${healthPort}/health`)).json();
  const first = await startNode(loadConfig({ overrides }));
  await first.ready;
  await expect.poll(health).toEqual({ status: 'ready', node: 1 });
  await first.stop();
  const greedy = { ...overrides, 'min.free.bytes': '9007199254740991' };
  const node = await startNode(loadConfig({ overrides: greedy }));
  await node.ready;
  await expect.poll(health).toMatchObject({
    status: 'ready',
    refusesProduce: expect.stringMatching(/with-data has \d+ bytes free, less than min\.free\.bytes/),
  });
  await node.stop();
}, 20_000);

test('the folder of a running node is refused, and accepted after the node has stopped', async () => {
  const overrides = settings('used', await freePort());
  const node = await startNode(loadConfig({ overrides }));
  await node.ready;
  expect(await refusal(overrides)).toMatch(
    new RegExp(`used is in use by process ${process.pid}; stop that node`),
  );
  await node.stop();
  const again = await startNode(loadConfig({ overrides }));
  await again.ready;
  await again.stop();
  expect(existsSync(join(directory, 'used', '.lock'))).toBe(false);
});

test('a port that is taken is refused, for a controller and for a broker', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  expect(await refusal(settings('port-c', port))).toBe(
    `127.0.0.1:${port} is taken by another program; stop that one, or give another port in listeners and controller.quorum.voters`,
  );
  const broker = { 'process.roles': 'broker', 'node.id': '2', listeners: `PLAINTEXT://127.0.0.1:${port}` };
  expect(await refusal({ ...settings('port-b', await freePort()), ...broker })).toBe(
    `127.0.0.1:${port} is taken by another program; stop that one, or give another port in listeners`,
  );
  expect(await refusal(settings('port-h', await freePort(), { 'health.port': String(port) }))).toMatch(
    /^port \d+ is taken by another program; .*health\.port$/,
  );
  await new Promise((resolve) => other.close(resolve));
});

test('a file in log.dirs is refused', async () => {
  writeFileSync(join(directory, 'file'), '');
  expect(await refusal(settings('file', await freePort()))).toContain(join(directory, 'file'));
});

test('data folders of another node and of a newer format are refused', async () => {
  const port = await freePort();
  mkdirSync(join(directory, 'other'));
  const meta = join(directory, 'other', 'meta.properties');
  writeFileSync(
    meta,
    'version=1\ncluster.id=AAAAAAAAAAAAAAAAAAAAAQ\nnode.id=7\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAg\n',
  );
  expect(await refusal(settings('other', port))).toMatch(/7/);
  writeFileSync(
    meta,
    'version=9\ncluster.id=AAAAAAAAAAAAAAAAAAAAAQ\nnode.id=1\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAg\n',
  );
  expect(await refusal(settings('other', port))).toMatch(/9/);
});

test('the data folder of another cluster: the broker stops itself with one sentence', async () => {
  const first = join(directory, 'first');
  const cluster = await startCluster({ directory: first });
  await cluster.stop();
  expect(readFileSync(join(first, 'node-2', 'meta.properties'), 'utf8')).toMatch(/^cluster\.id=[\w-]{22}$/m);
  const other = await startCluster({ controllers: 1, brokers: 1 });
  const voters = other.node(1).running!;
  const port = [...voters.roles.controller!.quorum!.describe().nodes][0]!.port;
  const node = await startNode(
    loadConfig({
      overrides: {
        ...settings('unused', port),
        'process.roles': 'broker',
        'node.id': '2',
        listeners: 'PLAINTEXT://127.0.0.1:0',
        'log.dirs': join(first, 'node-2'),
      },
    }),
  );
  await expect(node.failed).rejects.toThrow(/cluster/);
  await expect(node.ready).rejects.toThrow(StartError);
  await other.stop();
}, 20_000);

test('a controller that lost only its metadata log forms no new quorum until meta.properties is removed', async () => {
  const own = settings('forgetful', await freePort());
  const folder = join(directory, 'forgetful');
  const logger = new MemoryLogger();
  const formed = async () => {
    const node = await startNode(loadConfig({ overrides: own }), { logger });
    const { quorum } = node.roles.controller!;
    const known = await expect
      .poll(() => quorum?.clusterId(), { timeout: 1500 })
      .toBeDefined()
      .then(() => quorum?.clusterId())
      .catch(() => undefined);
    await expect.poll(() => readFileSync(join(folder, 'meta.properties'), 'utf8')).toContain('cluster.id=');
    await node.stop();
    return known;
  };
  const first = await formed();
  expect(first).toBeDefined();
  expect(await formed()).toBe(first);
  rmSync(join(folder, 'metadata-quorum'), { recursive: true });
  expect(await formed()).toBeUndefined();
  const missing = logger.events.find(({ event }) => event === 'quorum-log-missing');
  expect(missing?.facts).toMatchObject({
    clusterId: first,
    reason: expect.stringMatching(/meta\.properties/),
  });
  rmSync(join(folder, 'meta.properties'));
  const second = await formed();
  expect(second).toBeDefined();
  expect(second).not.toBe(first);
}, 20_000);

test('a broker stops at once while no controller answers', async () => {
  const node = await startNode(
    loadConfig({
      overrides: {
        ...settings('alone', await freePort()),
        'process.roles': 'broker',
        'node.id': '2',
        listeners: 'PLAINTEXT://127.0.0.1:0',
      },
    }),
  );
  const before = performance.now();
  await node.stop();
  expect(performance.now() - before).toBeLessThan(3000);
});

test('a process that started and stopped a cluster ends by itself and leaves no folder', () => {
  const script = `
    import { startCluster } from ${JSON.stringify(join(import.meta.dirname, '../src/index.ts'))};
    const cluster = await startCluster({ controllers: 1, brokers: 2 });
    await cluster.stop();
    console.log(cluster.directory);
  `;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 15_000,
    encoding: 'utf8',
  });
  expect(child.stderr).toBe('');
  expect(child.signal).toBeNull();
  expect(child.status).toBe(0);
  expect(existsSync(child.stdout.trim())).toBe(false);
  expect(readdirSync(tmpdir())).not.toContain(child.stdout.trim().split('/').at(-1));
}, 20_000);

test('health: a controller is healthy once it knows the leader of the quorum', async () => {
  const [port, healthPort, absent] = [await freePort(), await freePort(), await freePort()];
  const more = { 'health.port': String(healthPort) };
  const health = async () => (await fetch(`http://127.0.0.1:${healthPort}/health`)).status;
  const absentVoters = [2, 3].map((id) => `${id}@127.0.0.1:${absent + id}`);
  const alone = { 'controller.quorum.voters': [`1@127.0.0.1:${port}`, ...absentVoters].join() };
  const lonely = await startNode(loadConfig({ overrides: settings('lonely', port, { ...more, ...alone }) }));
  await lonely.ready;
  expect(await health()).toBe(503);
  await lonely.kill();
  const whole = await startNode(loadConfig({ overrides: settings('whole', port, more) }));
  await expect.poll(health).toBe(200);
  await whole.stop();
}, 20_000);

test('a combined node is a whole cluster', async () => {
  const cluster = await startCluster({ controllers: 1, brokers: 1, combined: true });
  expect(cluster.nodes.map((node) => node.role)).toEqual(['combined']);
  expect(cluster.bootstrapServers).toMatch(/^127\.0\.0\.1:\d+$/);
  await cluster.stop();
}, 20_000);
