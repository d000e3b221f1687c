import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@millrace/base/testing/io';
import { expect, onTestFinished, test, vi } from 'vitest';
import { hasProc } from '../../src/links/proc.ts';
import { ProxyLinks } from '../../src/links/proxy-links.ts';
import type { LinkEnd } from '../../src/target/target.ts';
import { ProxiedEcho } from '../support/proxied-echo.ts';

/** So long a test waits before it says that something does not happen. */
const NOTHING_MS = 60;
const WAIT = { timeout: 10_000, interval: 5 };
const BOTH_DIRECTIONS: [LinkEnd, LinkEnd][] = [
  ['clients', 1],
  [1, 'clients'],
];

async function setUp(echo = true): Promise<ProxiedEcho> {
  const cluster = await ProxiedEcho.start(echo);
  onTestFinished(() => cluster.close());
  return cluster;
}

const until = (check: () => void) => vi.waitFor(check, WAIT);

test('an open link passes bytes and the end of each direction on', async () => {
  const cluster = await setUp();
  const client = cluster.connect();
  client.socket.write('hello');
  await until(() => expect(client.text).toBe('hello'));
  client.socket.end(' world');
  await until(() => expect(client.text).toBe('hello world'));
  await until(() => expect(client).toMatchObject({ hasEnded: true, error: undefined, isClosed: true }));
});

test('a node that ends its direction still gets what the client sends', async () => {
  const cluster = await setUp(false);
  const client = cluster.connect();
  await until(() => expect(cluster.accepted()).toHaveLength(1));
  const node = cluster.accepted()[0]!;
  node.socket.end('bye');
  await until(() => expect(client).toMatchObject({ text: 'bye', hasEnded: true }));
  client.socket.end('late');
  await until(() => expect(node).toMatchObject({ text: 'late', hasEnded: true, isClosed: true }));
});

test('a reset passes on in both directions', async () => {
  const cluster = await setUp();
  const [first, second] = [cluster.connect(), cluster.connect()];
  for (const client of [first, second]) client.socket.write('x');
  await until(() => expect([first.text, second.text]).toEqual(['x', 'x']));
  first.socket.resetAndDestroy();
  await until(() => expect(cluster.accepted().filter((node) => node.error === 'ECONNRESET')).toHaveLength(1));
  cluster
    .accepted()
    .find((node) => !node.isClosed)!
    .socket.resetAndDestroy();
  await until(() => expect(second.error).toBe('ECONNRESET'));
});

test('a node that does not listen resets its clients', async () => {
  const cluster = await setUp();
  cluster.backends.get(1)!.server.close();
  const client = cluster.connect();
  await until(() => expect(client).toMatchObject({ error: 'ECONNRESET', isClosed: true }));
});

test.each(BOTH_DIRECTIONS)('a cut from %s to %s resets both ends, and heals', async (from, to) => {
  const cluster = await setUp();
  const client = cluster.connect();
  const bystander = cluster.connect(2);
  client.socket.write('x');
  bystander.socket.write('x');
  await until(() => expect(client.text + bystander.text).toBe('xx'));
  cluster.links.set(from, to, { state: 'cut' });
  await until(() => expect(client).toMatchObject({ error: 'ECONNRESET', isClosed: true }));
  await until(() => expect(cluster.accepted()[0]).toMatchObject({ error: 'ECONNRESET', isClosed: true }));
  const next = cluster.connect();
  await until(() => expect(next).toMatchObject({ error: 'ECONNRESET', isClosed: true }));
  expect(cluster.accepted()).toHaveLength(1);
  bystander.socket.write('y');
  await until(() => expect(bystander.text).toBe('xy'));
  cluster.links.heal();
  const healed = cluster.connect();
  healed.socket.write('z');
  await until(() => expect(healed.text).toBe('z'));
});

test('a cut resets a connection whose node has stopped reading', async () => {
  const cluster = await setUp(false);
  const client = cluster.connect();
  await until(() => expect(cluster.accepted()).toHaveLength(1));
  cluster.accepted()[0]!.socket.pause();
  client.socket.end(Buffer.alloc(16 * 1024 * 1024));
  await sleep(NOTHING_MS);
  cluster.links.set(1, 'clients', { state: 'cut' });
  await until(() => expect(client.isClosed).toBe(true));
});

test('a silent link to the node holds bytes back, and heal delivers them all in order', async () => {
  const cluster = await setUp();
  const client = cluster.connect();
  client.socket.write('a');
  await until(() => expect(client.text).toBe('a'));
  cluster.links.set('clients', 1, { state: 'silent' });
  const node = cluster.accepted()[0]!;
  client.socket.write('b');
  await sleep(1);
  client.socket.write('c');
  // The other direction is open.
  node.socket.write('from the node');
  await until(() => expect(client.text).toBe('afrom the node'));
  await sleep(NOTHING_MS);
  expect(node.text).toBe('a');
  cluster.links.heal();
  await until(() => expect(client.text).toBe('afrom the nodebc'));
});

test('a silent link from the node holds back its bytes only', async () => {
  const cluster = await setUp();
  const client = cluster.connect();
  client.socket.write('a');
  await until(() => expect(client.text).toBe('a'));
  cluster.links.set(1, 'clients', { state: 'silent' });
  client.socket.write('b');
  await until(() => expect(cluster.accepted()[0]!.text).toBe('ab'));
  await sleep(NOTHING_MS);
  expect(client.text).toBe('a');
  cluster.links.set(1, 'clients', { state: 'open' });
  await until(() => expect(client.text).toBe('ab'));
});

test.each(['end', 'reset'] as const)('a silent link holds back the %s of a connection', async (how) => {
  const cluster = await setUp(false);
  const client = cluster.connect();
  await until(() => expect(cluster.accepted()).toHaveLength(1));
  const node = cluster.accepted()[0]!;
  cluster.links.set('clients', 1, { state: 'silent' });
  if (how === 'end') client.socket.end('last');
  else client.socket.resetAndDestroy();
  await sleep(NOTHING_MS);
  expect(node).toMatchObject({ text: '', hasEnded: false, error: undefined });
  cluster.links.heal();
  if (how === 'end') await until(() => expect(node).toMatchObject({ text: 'last', hasEnded: true }));
  else await until(() => expect(node.error).toBe('ECONNRESET'));
});

test('a silent link accepts a connection, and opens it at the node when it heals', async () => {
  const cluster = await setUp();
  cluster.links.set('clients', 1, { state: 'silent' });
  const [patient, impatient] = [cluster.connect(), cluster.connect()];
  patient.socket.write('a');
  impatient.socket.end('b');
  await once(patient.socket, 'connect');
  await sleep(NOTHING_MS);
  expect(cluster.accepted()).toEqual([]);
  cluster.links.heal();
  await until(() => expect(patient.text + impatient.text).toBe('ab'));
  await until(() => expect(impatient.isClosed).toBe(true));
});

test('much data stays whole through silence, delay and limit that change all the time', async () => {
  const cluster = await setUp();
  const client = cluster.connect();
  const sent = Buffer.from(Array.from({ length: 60_000 }, (_, index) => `${index},`).join(''));
  client.socket.end(sent);
  const kinds = [
    { state: 'silent' },
    { state: 'open', bytesPerSecond: 2_000_000 },
    { state: 'open', delayMs: 7 },
    { state: 'open', delayMs: 2, bytesPerSecond: 3_000_000 },
    { state: 'open' },
  ] as const;
  for (let step = 0; step < 40; step++) {
    const [from, to] = BOTH_DIRECTIONS[step % 2]!;
    cluster.links.set(from, to, kinds[step % kinds.length]!);
    await sleep(3);
  }
  cluster.links.heal();
  await until(() => expect(client.isClosed).toBe(true));
  expect(client.text).toBe(sent.toString());
});

test.each(BOTH_DIRECTIONS)(
  'a delay from %s to %s delays bytes, and ends on a live link',
  async (from, to) => {
    const cluster = await setUp();
    const client = cluster.connect();
    client.socket.write('a');
    await until(() => expect(client.text).toBe('a'));
    cluster.links.set(from, to, { state: 'open', delayMs: 80 });
    const startedMs = performance.now();
    client.socket.write('b');
    await until(() => expect(client.text).toBe('ab'));
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(79);
    cluster.links.set(from, to, { state: 'open', delayMs: 3_600_000 });
    client.socket.write('c');
    await sleep(NOTHING_MS);
    expect(client.text).toBe('ab');
    cluster.links.set(from, to, { state: 'open' });
    await until(() => expect(client.text).toBe('abc'));
  },
);

test('a delay does not limit how much is under way', async () => {
  const cluster = await setUp(false);
  cluster.links.set('clients', 1, { state: 'open', delayMs: 50 });
  const client = cluster.connect();
  const startedMs = performance.now();
  for (let step = 0; step < 10; step++) {
    client.socket.write('x');
    await sleep(5);
  }
  await until(() => expect(cluster.accepted()[0]?.text).toBe('x'.repeat(10)));
  // Ten bytes one after the other would take 500 ms.
  expect(performance.now() - startedMs).toBeLessThan(400);
});

test.each(BOTH_DIRECTIONS)('connections from %s to %s share a limit', async (from, to) => {
  const cluster = await setUp();
  cluster.links.set(from, to, { state: 'open', bytesPerSecond: 200_000 });
  const startedMs = performance.now();
  const clients = [cluster.connect(), cluster.connect()];
  for (const client of clients) client.socket.end(Buffer.alloc(20_000));
  await until(() => expect(clients.map((client) => client.bytes)).toEqual([20_000, 20_000]));
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(199);
});

test('a slow receiver slows the sender, and the proxy holds no more than some buffers', async () => {
  const cluster = await setUp(false);
  const client = cluster.connect();
  await until(() => expect(cluster.accepted()).toHaveLength(1));
  const node = cluster.accepted()[0]!;
  node.socket.pause();
  const before = process.memoryUsage().arrayBuffers;
  const chunk = Buffer.alloc(64 * 1024);
  let sentBytes = 0;
  // `write` returns true while the system takes the bytes at once.
  for (let quiet = 0; quiet < 10 && sentBytes < 256 * 1024 * 1024; ) {
    if (client.socket.writableNeedDrain) {
      quiet++;
      await sleep(10);
      continue;
    }
    quiet = 0;
    client.socket.write(chunk);
    sentBytes += chunk.length;
  }
  // Most of it is in the kernel's buffers of the two connections.
  expect(sentBytes).toBeLessThan(64 * 1024 * 1024);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  node.socket.resume();
  await until(() => expect(node.bytes).toBe(sentBytes));
});

test.runIf(hasProc())('a child process is a node or a client, by the pid of the node', async () => {
  const cluster = await setUp();
  const inner = await child();
  // With all pids known, the proxy looks only once.
  cluster.pids.set(1, process.pid);
  cluster.pids.set(2, inner.process.pid!);
  inner.connect(cluster.proxyPorts.get(1)!);
  await until(() => expect(inner.text()).toContain('connected'));
  const client = cluster.connect();
  client.socket.write('x');
  await until(() => expect(client.text).toBe('x'));
  expect(cluster.links.knowsNodes).toBe(true);
  cluster.links.set(2, 1, { state: 'cut' });
  await until(() => expect(inner.text()).toContain('ECONNRESET'));
  client.socket.write('y');
  await until(() => expect(client.text).toBe('xy'));
  cluster.links.set('clients', 1, { state: 'cut' });
  await until(() => expect(client.error).toBe('ECONNRESET'));
});

test.runIf(hasProc())('a child whose pid is known late is found soon after', async () => {
  const cluster = await setUp();
  const inner = await child();
  inner.connect(cluster.proxyPorts.get(1)!);
  await until(() => expect(inner.text()).toContain('connected'));
  cluster.links.set(2, 1, { state: 'cut' });
  cluster.pids.set(2, inner.process.pid!);
  await until(() => expect(inner.text()).toContain('ECONNRESET'));
});

test('close resets every connection and gives the ports back', async () => {
  const cluster = await setUp();
  const client = cluster.connect();
  client.socket.write('x');
  await until(() => expect(client.text).toBe('x'));
  cluster.links.set('clients', 2, { state: 'silent' });
  const held = cluster.connect(2);
  const gone = cluster.connect(2);
  await once(gone.socket, 'connect');
  gone.socket.destroy();
  cluster.links.set(1, 'clients', { state: 'open', delayMs: 3_600_000 });
  client.socket.write('y');
  await Promise.all([cluster.links.close(), cluster.links.close()]);
  await until(() => expect([client.error, held.error]).toEqual(['ECONNRESET', 'ECONNRESET']));
  await until(() => expect(cluster.accepted()[0]!.isClosed).toBe(true));
  const server = createServer().listen(cluster.proxyPorts.get(1), '127.0.0.1');
  await once(server, 'listening');
  server.close();
});

test('a port that is taken gives a clear error, and no proxy stays', async () => {
  const [free, nodePort] = [await freePort(), await freePort()];
  const taken = createServer().listen(await freePort(), '127.0.0.1');
  onTestFinished(() => void taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const nodes = [
    { id: 1, proxyPort: free, nodePort, host: '127.0.0.1' },
    { id: 2, proxyPort: port, nodePort, host: '127.0.0.1' },
  ];
  await expect(ProxyLinks.start({ nodes, pidOf: () => undefined })).rejects.toThrow(
    `the proxy of node 2 cannot listen on 127.0.0.1:${port}: another program has taken the port`,
  );
  const socket = connect(free, '127.0.0.1');
  const [error] = await once(socket, 'error');
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
});

/** A child process that connects where the test says, and tells what happens. */
async function child() {
  const code = `
    process.stdin.once('data', (port) => {
      const socket = require('node:net').connect(Number(port), '127.0.0.1', () => socket.write('x'));
      socket.on('data', () => console.log('connected'));
      socket.on('error', (error) => console.log(error.code));
    });
    console.log('ready');`;
  const started: ChildProcess = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void started.kill('SIGKILL'));
  let text = '';
  started.stdout!.on('data', (chunk: Buffer) => (text += String(chunk)));
  await until(() => expect(text).toContain('ready'));
  return {
    process: started,
    text: () => text,
    connect: (port: number) => started.stdin!.write(`${port}\n`),
  };
}
